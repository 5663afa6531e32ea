# Two commands, which set up all that they need: `make demo` and `make test`. On a robot's
# workstation: `make build worker`.
#
# ROS_DISTRO=jazzy|kilted   distribution, if no ROS 2 installation is sourced
# PYTHON=python3.12         Python of the virtual environments
# TORCH=cpu|cuda12|cuda13   PyTorch of `make worker`, if not the one for the NVIDIA driver
# HEADLESS=1                the demo opens no window
# TASK=reach|push|pick_place|stack   a simulated task (default: the demo shows reach and push,
#                      play, evaluate and model take reach)
# DEMO_ARGS, EVALUATE_ARGS, PYTEST_ARGS, MODEL_ARGS   further arguments

SHELL := /bin/bash
PYTHON ?= python3
SOURCES := ros2_ws/src scripts docs/examples $(wildcard benchmarks)
BOOTSTRAP := @$(PYTHON) scripts/bootstrap.py
ENV := . scripts/env.sh &&
CHOSEN = $(if $(TASK),--task $(TASK))
# Demo and tests must not receive messages of other robots, nor of each other.
ISOLATED := ROS_DOMAIN_ID=$$(python scripts/free_domain.py) ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST

.DEFAULT_GOAL := help
.PHONY: help setup build kinematics cockpit worker demo play docs test everything lint pytest evaluate model clean

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## make the virtual environment
	$(BOOTSTRAP) setup

build: ## make the virtual environment and build the workspace
	$(BOOTSTRAP) build

kinematics: ## as build, and install inverse kinematics, for commands.kinematics
	$(BOOTSTRAP) kinematics

cockpit: ## as build, and install the cockpit, the page in the browser
	$(BOOTSTRAP) cockpit

worker: ## make the worker's environment, with PyTorch for this machine's GPU, and check it
	$(BOOTSTRAP) worker

demo: ## drive a simulated arm to goals given as images, and report how it went
	$(BOOTSTRAP) demo
	@$(ENV) $(ISOLATED) python -m wm_planner_sim.demo $(if $(HEADLESS),--headless) $(CHOSEN) $(DEMO_ARGS)

play: ## leave the simulated arm running with the cockpit, for goals of your own
	$(BOOTSTRAP) demo
	@$(ENV) $(ISOLATED) python -m wm_planner_sim.demo --play $(if $(HEADLESS),--headless) \
	    --task $(or $(TASK),reach) $(DEMO_ARGS)

docs: ## build the documentation as a website, in docs/_build/html
	$(BOOTSTRAP) docs

test: lint pytest ## check lint and types, and run all tests

everything:
	$(BOOTSTRAP) test

lint: everything ## run ruff and mypy
	@$(ENV) ruff check $(SOURCES)
	@$(ENV) ruff format --check $(SOURCES)
	@$(ENV) mypy

pytest: everything ## run unit tests and tests over DDS
	@$(ENV) $(ISOLATED) python -m pytest $(PYTEST_ARGS)

evaluate: ## measure a task's model, in process and over ROS, and write a page about it
	$(BOOTSTRAP) demo
	@$(ENV) $(ISOLATED) python -m wm_planner_sim.evaluation $(CHOSEN) $(EVALUATE_ARGS)

model: everything ## collect data for a task's embedded model, train it and export it
	@$(ENV) $(ISOLATED) python -m wm_planner_sim.training.make_model $(CHOSEN) $(MODEL_ARGS)

clean: ## delete what was built, but keep the virtual environments
	rm -rf ros2_ws/build* ros2_ws/install* ros2_ws/log* docs/_build
