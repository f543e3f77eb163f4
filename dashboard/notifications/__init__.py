"""Telling people what has happened where they are: webhooks, Telegram, Discord, e-mail."""
