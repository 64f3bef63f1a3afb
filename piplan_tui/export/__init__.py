"""Plans and workflows as one another: what a script did as a plan, and a plan as a script."""
