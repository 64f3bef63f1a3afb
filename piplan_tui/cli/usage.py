"""What `piplan-tui --help` says. Only text: it must be on screen before anything else could be imported."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

COMMANDS: dict[str, str] = {
    "run": "run a plan and print what happens, line by line",
    "check": "report every problem of plans, with file:line:column",
    "demo": "run a bundled plan with the demo agent: no model, no key",
    "runs": "list runs, the latest first",
    "show": "where a run stands: its steps, questions, totals",
    "attach": "watch and steer a run of another process",
    "export": "print a run as a plan, or a plan as a workflow in Python",
    "resume": "go on with a run that was left or whose process died",
    "retry": "try failed and cancelled steps again, or the steps named",
    "cancel": "stop a run, or one step of it",
    "repair": "make a run whose file of events is damaged usable again",
    "asks": "the questions that wait for an answer",
    "answer": "answer a question of a step",
    "agents": "which agents are known, and whether they are installed",
    "install": "give Pi's model the tools run_workflow and run_plan, as an extension of Pi",
    "uninstall": "take that extension out of Pi again",
    "mcp": "serve run_workflow and run_plan to models, over MCP on stdin and stdout",
}
"""Every command, and what it does in half a line."""

HELP = f"""\
Run multi-step agent plans: watch them live, answer their questions, stop them cleanly.

usage: piplan-tui [PLAN] [options]            open a plan in the terminal view
       piplan-tui COMMAND ... [options]

Start
  PLAN                 open the terminal view on a plan or workflow (without a terminal: as run)
  run PLAN             {COMMANDS["run"]}
  check PLAN...        {COMMANDS["check"]}
  demo                 {COMMANDS["demo"]}

Look
  runs                 {COMMANDS["runs"]}
  show RUN             {COMMANDS["show"]}
  attach RUN           {COMMANDS["attach"]}
  asks [RUN]           {COMMANDS["asks"]}
  agents               {COMMANDS["agents"]}
  export RUN|PLAN      {COMMANDS["export"]}

Act
  answer RUN STEP ...  {COMMANDS["answer"]}: key=value..., --json FILE or --decline
  resume RUN           {COMMANDS["resume"]}
  retry RUN [STEP...]  {COMMANDS["retry"]}
  cancel RUN [STEP]    {COMMANDS["cancel"]}
  repair RUN           {COMMANDS["repair"]}

For models
  install pi           {COMMANDS["install"]}
  uninstall pi         {COMMANDS["uninstall"]}
  mcp                  {COMMANDS["mcp"]}

RUN is the id of a run, the beginning of one, or `last`. A plan that is named like a command: ./run

Options, before or after the command
  --agent NAME         who carries out the steps: pi (default), demo, acp:NAME, command:PROGRAM
  --model ID           --provider NAME   --thinking LEVEL   --tools a,b
  --permissions POLICY what agents may do without a question: ask, allow read-only,
                       allow in workspace, deny
  --isolation HOW      worktree: each step in a git worktree of its own, merged when you say so
  --workspace DIR      the folder that the agents work in (default: the current one)
  --store DIR|memory   where runs are kept (default: the user's state folder)
  --max-concurrency N  --budget-tokens N  --budget-output-tokens N  --budget-usd X
  --max-agents N       agent calls of a workflow (1000); --max-items N: of one fan-out (4096)
  --ask-agents N       ask before a fan-out of N calls or beyond the budget (the view: 50; 0: never)
  --on-ask HOW         a question without the terminal view: wait, exit (default), fail, defaults
  --detach             run, resume, retry: go on in a process of its own, without this terminal
  --ui HOW             what run prints: plain (default), json, quiet; -v tools, -vv agents
  --args JSON          what a workflow gets; --reuse RUN takes over its unchanged calls
  --run-id ID          --meta key=value   --yes   --ascii   --config FILE
  --plain-list         everything in sentences, for screen readers; nothing moves
  --pi-command CMD     --demo-pace X
  -h, --help           this page; after a command, the page of that command
  --version

Each option is also a setting in the config file (max_concurrency = 4) and in the environment
(PIPLAN_MAX_CONCURRENCY, PIPLAN_PI for --pi-command).

Examples
  piplan-tui demo
  piplan-tui plan.json --agent pi --workspace ~/deck
  piplan-tui run plan.json --on-ask exit --budget-usd 5
  piplan-tui run plan.json --detach && piplan-tui attach last
  piplan-tui answer last topic audience=seed && piplan-tui resume last
  piplan-tui show last --json

Exit codes: 0 completed, 1 failed, 2 wrong usage or invalid plan, 3 cancelled or declined,
            4 waiting for input (answer, then resume)
"""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean …?` with a space before it, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""
