"""Notifications to people: webhooks, Telegram, Discord, e-mail."""
