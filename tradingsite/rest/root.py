"""REST: what there is, `/api/v1/`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

PREFIX = "/api/v1/"


class EndpointSerializer(serializers.Serializer[Any]):
    """One address."""

    path = serializers.CharField(help_text="with {names} where it needs one")
    about = serializers.CharField()
    methods = serializers.ListField(child=serializers.CharField())


class RootSerializer(serializers.Serializer[Any]):
    """The API as a whole."""

    version = serializers.CharField()
    description = serializers.CharField(help_text="OpenAPI")
    guide = serializers.CharField(help_text="the same to read")
    stream = serializers.CharField(help_text="the stream, over a WebSocket")
    stream_guide = serializers.CharField()
    endpoints = EndpointSerializer(many=True)


class Root(APIView):
    """What there is."""

    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(responses=RootSerializer)
    def get(self, request: Request) -> Response:
        """Return every address, with what it is about."""
        root = {
            "version": "v1",
            "description": "/api/schema/",
            "guide": "/api/docs/",
            "stream": f"{PREFIX}stream",
            "stream_guide": "/docs/stream/",
            "endpoints": sorted(endpoints(), key=lambda each: each["path"]),
        }
        return Response(RootSerializer(root).data)


def endpoints() -> Iterator[dict[str, Any]]:
    """Yield the addresses below the prefix, as the router knows them."""
    included = (each for each in get_resolver().url_patterns if str(each.pattern) == PREFIX.lstrip("/"))
    for pattern in (pattern for each in included if isinstance(each, URLResolver) for pattern in each.url_patterns):
        view = getattr(pattern.callback, "view_class", None) if isinstance(pattern, URLPattern) else None
        if view is None or view is Root:
            continue
        named = str(pattern.pattern).replace("<slug:", "{").replace("<int:", "{").replace("<str:", "{")
        about = (view.__doc__ or "").strip().splitlines()[0]
        methods = [name.upper() for name in view.http_method_names if hasattr(view, name) and name != "options"]
        yield {"path": PREFIX + named.replace(">", "}"), "about": about, "methods": methods}


class Guide(SpectacularSwaggerSplitView):
    """The description to read; it has no description of its own that could be requested."""

    http_method_names = ("get", "head")


root_urls = [path("", Root.as_view(), name="api-root")]
