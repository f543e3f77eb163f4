"""The system page's figures in the API. Unknown values are null."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class CauseSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="stable code of the problem")
    tone = serializers.CharField(help_text="`warning` or `bad`")
    sentence = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    do = serializers.CharField(help_text="what to do")


class VitalsSerializer(serializers.Serializer[Any]):
    lag_ms = serializers.FloatField(allow_null=True, help_text="exchange timestamp to receipt, newest")
    lag_p99_ms = serializers.FloatField(allow_null=True, help_text="within ten minutes")
    frames_per_s = serializers.FloatField(allow_null=True, help_text="published")
    behind_s = serializers.FloatField(allow_null=True, help_text="of the worker that is furthest behind")
    evaluations_per_s = serializers.FloatField(allow_null=True)
    busiest = serializers.FloatField(allow_null=True, help_text="share of time the busiest worker is busy")
    requests_per_s = serializers.FloatField(allow_null=True)
    open_sockets = serializers.FloatField(allow_null=True)
    queued_jobs = serializers.IntegerField(allow_null=True)


class ProcessSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="`feed`, `worker`, `warden`, `web`, `jobs` or `beat`")
    instance = serializers.CharField(help_text="host and process id")
    version = serializers.CharField(allow_null=True)
    started = serializers.DateTimeField(allow_null=True)
    memory_bytes = serializers.FloatField(allow_null=True)
    cpu_share = serializers.FloatField(allow_null=True, help_text="of one core, within the last seconds")
    figures = serializers.DictField(child=serializers.FloatField())


class WorkerSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    started = serializers.DateTimeField()
    heard = serializers.DateTimeField(source="last_seen", help_text="its last heartbeat")
    is_silent = serializers.BooleanField()
    deployments = serializers.IntegerField()
    slugs = serializers.ListField(child=serializers.CharField())
    behind_s = serializers.FloatField(allow_null=True, help_text="behind the feed's newest frame")


class TableSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    bytes = serializers.IntegerField()
    rows = serializers.IntegerField(allow_null=True, help_text="server's estimate")


class DatabaseSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    bytes = serializers.IntegerField()
    connections = serializers.IntegerField()
    most_connections = serializers.IntegerField()
    oldest_transaction_s = serializers.FloatField(allow_null=True)
    clock_ahead_s = serializers.FloatField(help_text="of the web process's clock")
    tables = TableSerializer(many=True)


class StreamSerializer(serializers.Serializer[Any]):
    market = serializers.CharField()
    frames = serializers.IntegerField()
    reaches_back_s = serializers.FloatField()
    newest_age_s = serializers.FloatField(allow_null=True, help_text="null for a recording's market time")


class RedisSerializer(serializers.Serializer[Any]):
    server = serializers.CharField()
    version = serializers.CharField()
    bytes = serializers.IntegerField()
    most_bytes = serializers.IntegerField(allow_null=True)
    clients = serializers.IntegerField()
    uptime_s = serializers.IntegerField()
    streams = StreamSerializer(many=True)


class DiskSerializer(serializers.Serializer[Any]):
    folder = serializers.CharField(help_text="the data folder")
    free_bytes = serializers.IntegerField()
    total_bytes = serializers.IntegerField()


class RunSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    seconds = serializers.FloatField()
    outcome = serializers.CharField(help_text="`done`, `failed` or `retried`")


class PeriodicSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    task = serializers.CharField()
    every_s = serializers.FloatField(allow_null=True)
    last = RunSerializer(allow_null=True)
    is_overdue = serializers.BooleanField()


class BackupSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="of its file")
    at = serializers.DateTimeField()


class VersionsSerializer(serializers.Serializer[Any]):
    paddock = serializers.CharField()
    python = serializers.CharField()
    django = serializers.CharField()
    postgres = serializers.CharField(allow_null=True)
    redis = serializers.CharField(allow_null=True, help_text="with the server's name")


class SystemSerializer(serializers.Serializer[Any]):
    tone = serializers.CharField(help_text="`good`, `warning` or `bad`")
    answer = serializers.CharField()
    sentence = serializers.CharField()
    causes = CauseSerializer(many=True, help_text="most serious first")
    season = serializers.IntegerField(allow_null=True, help_text="its number")
    market = serializers.CharField(allow_null=True)
    vitals = VitalsSerializer()
    workers = WorkerSerializer(many=True, allow_null=True)
    processes = ProcessSerializer(many=True, allow_null=True)
    deployments_due = serializers.IntegerField(allow_null=True)
    deployments_unheld = serializers.ListField(child=serializers.CharField(), allow_null=True)
    queues = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    schedule = PeriodicSerializer(many=True)
    database = DatabaseSerializer(allow_null=True)
    redis = RedisSerializer(allow_null=True)
    disk = DiskSerializer(allow_null=True)
    backup = BackupSerializer(allow_null=True, help_text="the last on record")
    versions = VersionsSerializer()
