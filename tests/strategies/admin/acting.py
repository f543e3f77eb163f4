"""Actions of the admin's list of deployments, taken."""

from __future__ import annotations


def act(admin_client, action, rows, **more):
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return admin_client.post("/admin/strategies/deployment/", data, follow=True)
