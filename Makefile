# The two commands: `make demo` and `make test`. Each sets up all that it needs. On a robot's
# workstation: `make build worker`.
#
# ROS_DISTRO=jazzy|kilted   distribution, where no ROS 2 installation is sourced
# PYTHON=python3.12         Python of the virtual environments
# TORCH=cpu|cuda12|cuda13   PyTorch of `make worker`, if not as the NVIDIA driver wants it
# HEADLESS=1                the demo opens no window
# DEMO_ARGS, PYTEST_ARGS    further arguments of the demo and of pytest

SHELL := /bin/bash
PYTHON ?= python3
SOURCES := ros2_ws/src scripts docs/examples $(wildcard benchmarks)
BOOTSTRAP := @$(PYTHON) scripts/bootstrap.py
ENV := . scripts/env.sh &&
# Tests hear no other robot, nor each other.
ISOLATED := ROS_DOMAIN_ID=$$(python scripts/free_domain.py) ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST

.DEFAULT_GOAL := help
.PHONY: help setup build worker demo test everything lint pytest model clean

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## make the virtual environment
	$(BOOTSTRAP) setup

build: ## setup, then build the workspace
	$(BOOTSTRAP) build

worker: ## make the environment that plans, with PyTorch for this machine's GPU, and check it
	$(BOOTSTRAP) worker

demo: ## the arm reaches goals given as images; ends with a report
	$(BOOTSTRAP) demo
	@$(ENV) $(ISOLATED) python -m wm_planner_sim.demo $(if $(HEADLESS),--headless) $(DEMO_ARGS)

test: lint pytest ## lint, types and all tests

everything:
	$(BOOTSTRAP) test

lint: everything ## ruff and mypy
	@$(ENV) ruff check $(SOURCES)
	@$(ENV) ruff format --check $(SOURCES)
	@$(ENV) mypy

pytest: everything ## unit tests, and tests over DDS
	@$(ENV) $(ISOLATED) python -m pytest $(PYTEST_ARGS)

model: everything ## collect data, train and export the embedded model
	@$(ENV) $(ISOLATED) python -m wm_planner_sim.training.make_model $(MODEL_ARGS)

clean: ## delete all that was built; keeps the virtual environments
	rm -rf ros2_ws/build* ros2_ws/install* ros2_ws/log*
