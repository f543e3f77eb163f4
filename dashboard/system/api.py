"""REST: `/api/v1/system/`. Read-only."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.system.scene import system_scene
from dashboard.system.serializers import SystemSerializer


class SystemView(APIView):
    """Status of every process, the database and Redis, with a summary in one sentence."""

    renderer_classes = (JSONRenderer,)  # no table

    @extend_schema(responses=SystemSerializer)
    def get(self, request: Request) -> Response:
        """Return it as it is now."""
        scene = system_scene()
        state, words = scene.state, scene.words
        fields = {
            "tone": words.tone.value,
            "answer": words.answer,
            "sentence": words.sentence,
            "causes": [cause for cause in (words.head, *words.also) if cause is not None],
            "season": state.season.number if state.season else None,
            "market": state.season.market if state.season else None,
            "vitals": scene.vitals,
            "workers": state.workers,
            "processes": state.processes,
            "deployments_due": state.due,
            "deployments_unheld": state.unheld,
            "queues": state.jobs.queues if state.jobs else None,
            "schedule": scene.schedule,
            "database": state.database,
            "redis": state.redis,
            "disk": state.disk,
            "backup": state.backup,
            "versions": state.versions,
        }
        return Response(SystemSerializer(fields).data)


system_urls = [path("system/", SystemView.as_view(), name="api-system")]
