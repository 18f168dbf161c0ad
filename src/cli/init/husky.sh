supalint check --changed
