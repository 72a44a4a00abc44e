"""djangorestframework-api-key on SQLite, under gunicorn: `gunicorn drf_api_key:application`, by environment."""

import os

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only a benchmark, with nothing to keep secret",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "rest_framework_api_key"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE_FILE"],
                           "CONN_MAX_AGE": None}},
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer"]},
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402
from rest_framework_api_key.permissions import HasAPIKey  # noqa: E402


class Verify(APIView):
    permission_classes = [HasAPIKey]

    def get(self, request):
        return Response()


urlpatterns = [path("verify", Verify.as_view())]

call_command("migrate", verbosity=0)
with transaction.atomic(), open(os.environ["TOKENS_FILE"], "w") as tokens:
    for index in range(int(os.environ["KEYS"])):
        tokens.write(APIKey.objects.create_key(name=f"key {index}")[1] + "\n")
connection.close()

application = get_wsgi_application()
