"""Rendering of component folders by cookiecutter."""
