"""Prompts: one face line by line, one that prompt_toolkit draws, and the interview that both carry."""
