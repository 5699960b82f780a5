# The two commands of the README. Neither needs anything installed beforehand but Python 3.11+.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: demo test check clean

demo: $(READY)
	$(VENV)/bin/rushes demo demo

test: $(READY)
	$(VENV)/bin/python -m pytest

check: $(READY)
	scripts/check

$(READY): pyproject.toml
	scripts/install "$(PYTHON)" "$(VENV)"
	touch $(READY)

clean:
	rm -rf $(VENV) demo
