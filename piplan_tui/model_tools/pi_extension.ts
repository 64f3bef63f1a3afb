// Tools by which Pi's model starts runs of piplan-tui: each call runs piplan-tui as a program of its own and
// reads its events, so that the run is in the history and can be watched with piplan-tui attach.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

// filled in by piplan-tui install pi
const COMMAND: string[] = __COMMAND__;
const TOOLS: any[] = __TOOLS__;

const ENDINGS = ["run.completed", "run.failed", "run.cancelled"];
const MAX_RESULT = 60000;
const SECOND_SIGNAL_MS = 15000;
const running = new Set<any>();

function stem(title: unknown): string {
	const words = typeof title === "string" ? title.toLowerCase().match(/[a-z0-9]+/g) : null;
	return (words ?? []).join("-").slice(0, 40).replace(/-+$/, "") || "workflow";
}

function cut(text: string, run: string): string {
	if (text.length <= MAX_RESULT) return text;
	return `${text.slice(0, MAX_RESULT)}\n[cut; the whole: piplan-tui show ${run} --json]`;
}

// What the events of a run say, as far as a model has to know it.
class Followed {
	run = "";
	status = "starting";
	reason = "";
	result: unknown = undefined;
	news = "";
	workflow: boolean;
	steps = new Map<string, any>();

	constructor(workflow: boolean, steps: any[]) {
		this.workflow = workflow;
		for (const step of steps) this.steps.set(step?.id, { status: "pending" });
	}

	take(event: any): void {
		this.run = event.runId ?? this.run;
		const id = event.stepId;
		if (event.type === "phase.started") this.news = event.title;
		else if (event.type === "log") this.news = event.message;
		else if (event.type === "step.created") this.steps.set(id, { status: "pending" });
		else if (event.type === "step.completed" || event.type === "step.reused") {
			this.steps.set(id, { status: "completed", summary: event.handoff?.summary, handoff: event.handoff });
			this.news = `${id} completed`;
		} else if (event.type === "step.started") this.news = `${id} started`;
		else if (event.type === "step.failed") {
			this.steps.set(id, { status: "failed", summary: event.error });
			this.news = `${id} failed: ${event.error}`;
		} else if (event.type === "step.skipped") this.steps.set(id, { status: "skipped", summary: "" });
		else if (ENDINGS.includes(event.type)) {
			this.status = event.type.slice("run.".length);
			this.reason = event.reason ?? "";
			this.result = event.result;
		}
	}

	get done(): number {
		let count = 0;
		for (const step of this.steps.values()) count += step.status === "completed" || step.status === "skipped" ? 1 : 0;
		return count;
	}

	get line(): string {
		return `run ${this.run} · ${this.done} of ${this.steps.size} steps · ${this.news.slice(0, 200)}`;
	}

	get text(): string {
		const look = `(${this.done} of ${this.steps.size} steps; piplan-tui show ${this.run})`;
		if (this.workflow) {
			const result = typeof this.result === "string" ? this.result : JSON.stringify(this.result ?? null);
			return `${cut(result, this.run)}\n\n${look}`;
		}
		const lines = [...this.steps].map(([id, step]) => {
			const files = (step.handoff?.files ?? []).map((file: any) => file.path).join(", ");
			return `- ${id}: ${step.summary || step.status}${files ? ` [${files}]` : ""}`;
		});
		return `${cut(lines.join("\n"), this.run)}\n\n${look}`;
	}

	get details(): any {
		return { runId: this.run, status: this.status, stepsDone: this.done, steps: this.steps.size };
	}
}

async function run(
	followed: Followed, words: string[], stdin: string, cwd: string, signal: any, onUpdate: any,
): Promise<Followed> {
	if (signal?.aborted) throw new Error("The run was cancelled before it started.");
	const [program, ...before] = COMMAND;
	const child = spawn(program, [...before, "run", ...words, "--ui", "json", "--on-ask", "fail", "--workspace", cwd], {
		cwd,
		stdio: ["pipe", "pipe", "pipe"],
	});
	running.add(child);
	let timer: any;
	const stop = () => {
		// the first asks for an end in order, the second kills at once
		child.kill("SIGTERM");
		timer = setTimeout(() => child.kill("SIGTERM"), SECOND_SIGNAL_MS);
	};
	signal?.addEventListener("abort", stop, { once: true });
	let said = "";
	child.stderr.on("data", (data: any) => {
		said = (said + data).slice(-4000);
	});
	child.stdin.on("error", () => {});
	child.stdin.end(stdin);
	const lines = createInterface({ input: child.stdout });
	lines.on("line", (line: string) => {
		let event: any;
		try {
			event = JSON.parse(line);
		} catch {
			return;
		}
		const before = followed.line;
		followed.take(event);
		if (followed.line !== before) {
			onUpdate?.({ content: [{ type: "text", text: followed.line }], details: followed.details });
		}
	});
	try {
		const read = new Promise((resolve) => lines.on("close", resolve));
		const code = await new Promise<number | null>((resolve, reject) => {
			child.on("error", (error: any) => reject(new Error(`piplan-tui could not be started: ${error.message}`)));
			child.on("close", resolve);
		});
		await read;
		if (code !== 0 || followed.status !== "completed") {
			const why = followed.reason || said.trim().split("\n")[0] || `it is ${followed.status}`;
			const name = followed.run ? `Run ${followed.run} did not complete` : "The run did not start";
			throw new Error(`${name}: ${signal?.aborted ? "it was cancelled" : why}`);
		}
		return followed;
	} finally {
		clearTimeout(timer);
		signal?.removeEventListener("abort", stop);
		running.delete(child);
	}
}

async function runWorkflow(given: any, cwd: string, signal: any, onUpdate: any): Promise<Followed> {
	const folder = mkdtempSync(join(tmpdir(), "piplan-"));
	try {
		const file = join(folder, `${stem(given.task)}${given.language === "python" ? ".py" : ".js"}`);
		writeFileSync(file, String(given.script ?? ""), { mode: 0o600 });
		const args = given.args ?? given.task;
		const words = args === undefined ? [file] : [file, "--args", JSON.stringify(args)];
		return await run(new Followed(true, []), words, "", cwd, signal, onUpdate);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function runPlan(given: any, cwd: string, signal: any, onUpdate: any): Promise<Followed> {
	const text = typeof given.plan === "string" ? given.plan : JSON.stringify(given.plan ?? null, null, 2);
	let steps: unknown;
	try {
		steps = JSON.parse(text)?.steps;
	} catch {
		// piplan-tui says what is wrong with it, and where
	}
	return run(new Followed(false, Array.isArray(steps) ? steps : []), ["-"], text, cwd, signal, onUpdate);
}

export default function (pi: any) {
	// inside a step of a run: runs do not start runs
	if (process.env.PIPLAN_RUN_ID) return;
	pi.on("session_start", () => {
		for (const tool of TOOLS) {
			pi.registerTool({
				name: tool.name,
				label: tool.title,
				description: tool.description,
				parameters: tool.parameters,
				async execute(_id: string, given: any, signal: any, onUpdate: any, ctx: any) {
					const start = tool.name === "run_plan" ? runPlan : runWorkflow;
					const followed = await start(given, ctx.cwd, signal, onUpdate);
					return { content: [{ type: "text", text: followed.text }], details: followed.details };
				},
			});
		}
	});
	pi.on("session_shutdown", () => {
		for (const child of running) child.kill("SIGTERM");
	});
}
