# Two commands for a newcomer: `make serve` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
INSTANCE := $(or $(WAYMARK_INSTANCE),instance)
export PORT

.PHONY: serve test lint index bench secret browser messages clean

serve: $(VENV)/.installed secret
	@exec $(BIN)/gunicorn -c gunicorn.conf.py "app:create_server(prepares=True)"

# One process a core; a file stays in one of them, for what its tests share is dear to make.
test: lint browser
	$(BIN)/pytest -n auto --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

index: $(VENV)/.installed secret
	$(BIN)/flask --app app catalog load
	$(BIN)/flask --app app index build

bench: $(VENV)/.installed-dev secret
	$(BIN)/flask --app app prepare
	$(BIN)/python -m benchmarks --bmf "$(BMF)" --missions "$(MISSIONS)" --work "$(WORK)" $(COLLECTIONS)

# The key that seals result addresses; a new one makes old addresses unreadable.
secret:
	@mkdir -p $(INSTANCE)
	@test -n "$$WAYMARK_SECRET_KEY" || test -s $(INSTANCE)/secret_key || \
		(umask 077; $(PYTHON) -c "import secrets; print(secrets.token_urlsafe(48))" > $(INSTANCE)/secret_key)

messages: $(VENV)/.installed
	mkdir -p build
	$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext -k N_ --no-location --sort-output \
		--project=Waymark --version=1 -o build/messages.pot .
	$(BIN)/pybabel -q update -i build/messages.pot -d translations -l es \
		--no-fuzzy-matching --ignore-obsolete -w 100
	$(BIN)/pybabel -q compile -d translations -l es

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		(echo "Waymark needs Python 3.11 or newer." >&2; exit 1)
	@$(PYTHON) -c "import venv, ensurepip" 2>/dev/null || \
		(echo "Python's venv is missing. On Debian: apt-get install python3-venv" >&2; exit 1)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# The browser tests drive Debian's Chromium.
browser:
	@command -v chromium >/dev/null || $(MAKE) --no-print-directory install-chromium

.PHONY: install-chromium
install-chromium:
	@if [ "$$(id -u)" = 0 ]; then AS=; else AS=sudo; fi; \
	$$AS apt-get update -qq && $$AS apt-get install -y -qq --no-install-recommends chromium fonts-liberation

clean:
	rm -rf $(VENV) build instance
