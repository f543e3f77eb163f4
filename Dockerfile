# One image for every process of Paddock; docker-compose.yml says which runs what.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    DJANGO_SETTINGS_MODULE=tradingsite.settings \
    PADDOCK_DATA_DIR=/data \
    PADDOCK_STATIC_ROOT=/srv/static

WORKDIR /srv/paddock

COPY requirements/bootstrap.txt requirements/default.txt requirements/
RUN pip install --no-cache-dir --require-hashes --target /tmp/uv -r requirements/bootstrap.txt \
    && /tmp/uv/bin/uv pip install --system --no-cache --compile-bytecode --require-hashes -r requirements/default.txt \
    && rm -r /tmp/uv

COPY . .
# The key is for this one command and is kept nowhere.
RUN useradd --system --uid 10001 paddock \
    && mkdir --mode=0700 /data \
    && chown paddock /data \
    && PADDOCK_SECRET_KEY=only-for-collecting-the-static-files-of-this-image python manage.py collectstatic --noinput --verbosity 0

USER paddock
VOLUME /data
EXPOSE 8000
CMD ["daphne", "-v", "0", "-b", "0.0.0.0", "-p", "8000", "tradingsite.asgi:application"]
