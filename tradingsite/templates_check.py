"""``python -m tradingsite.templates_check``: compile every template of ours, without rendering any."""

import os
import sys

import django

from tradingsite.installations import ROOT


def main() -> int:
    """Compile all; return 1 when one does not compile, else 0."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    django.setup()

    from django.template import TemplateDoesNotExist, TemplateSyntaxError
    from django.template.loader import get_template

    failed = 0
    for path in sorted(ROOT.glob("templates/**/*.*")):
        name = path.relative_to(next(up for up in path.parents if up.name == "templates"))
        try:
            get_template(str(name))
        except (TemplateSyntaxError, TemplateDoesNotExist, UnicodeDecodeError) as error:
            failed += 1
            sys.stdout.write(f"{path.relative_to(ROOT)}: {error}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
