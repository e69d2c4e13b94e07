FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 simweb && install -d -o simweb /var/lib/simweb
WORKDIR /srv/simweb
COPY requirements.txt .
RUN pip install --no-cache-dir --requirement requirements.txt "django-storages[s3]>=1.14"
COPY --chown=simweb . .
USER simweb
ENV SIMWEB_VAR=/var/lib/simweb PYTHONUNBUFFERED=1
RUN SIMWEB_VAR=/tmp/build DATABASE_URL=postgresql://x/x REDIS_URL=redis://x SECRET_KEY=build \
    python manage.py collectstatic --noinput --verbosity 0 && mv /tmp/build/static /srv/simweb/static
ENV STATIC_ROOT=/srv/simweb/static
EXPOSE 8000
