"""The questions that every face asks; empty until the prompts."""
