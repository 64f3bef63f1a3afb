// A tool by which the model asks the user in the middle of its turn, through the form of the program that
// drives Pi over RPC. The request travels as JSON in the prefill of an editor dialog, because that is the only
// dialog over RPC that carries a text of any length both ways; the reply comes back as
// {"action": "accept" | "decline" | "cancel", "values": {…}}.
const TITLE = "piplan:ask:1";
const NAME = "ask_user";
// no secrets: what goes into the environment cannot reach a process that already runs
const TYPES = [
	"text", "multiline", "number", "integer", "boolean", "choice", "multichoice", "date", "datetime",
	"path", "json", "code",
];

const DESCRIPTION = `Ask the user and wait for the answer, then go on with the same work.
Use it when a decision is the user's to make and you cannot find the answer yourself: a choice between \
alternatives that differ in taste, cost or risk, a fact that only the user knows, a go-ahead before something \
that cannot be undone. Do not use it for what the task already says, what you can look up, or to report progress.
Never ask for a password, key or other secret with it. Ask everything that belongs together in one call, one field for each answer, and put what you would choose \
yourself into "default". The user may take long, decline or cancel; then do without the answer if you can.`;

const PARAMETERS = {
	type: "object",
	properties: {
		message: { type: "string", description: "The question, as Markdown, with all that is needed to decide" },
		title: { type: "string", description: "A few words that name the question" },
		reason: { type: "string", description: "Why the work cannot go on without the answer" },
		fields: {
			type: "array",
			description: "One field for each answer. Without fields the user answers in free text.",
			items: {
				type: "object",
				properties: {
					name: { type: "string", description: "The name by which the answer comes back" },
					type: { type: "string", enum: TYPES, description: "choice and multichoice need options" },
					label: { type: "string" },
					description: { type: "string" },
					required: { type: "boolean", description: "Default: true" },
					default: { description: "What is filled in already" },
					options: {
						type: "array",
						items: {
							type: "object",
							properties: {
								value: { type: "string" },
								label: { type: "string" },
								description: { type: "string" },
								recommended: { type: "boolean" },
							},
							required: ["value"],
						},
					},
					allowOther: { type: "boolean", description: "Whether an answer besides the options is welcome" },
				},
				required: ["name", "type"],
			},
		},
	},
	required: ["message"],
};

function told(reply: string | undefined): string {
	if (reply === undefined) return "The user cancelled the question. Do without the answer if you can.";
	let answer: any;
	try {
		answer = JSON.parse(reply);
	} catch {
		return `The user answered:\n${reply}`;
	}
	if (answer.action === "decline") return "The user declined to answer. Do without the answer if you can.";
	if (answer.action !== "accept") return "The user cancelled the question. Do without the answer if you can.";
	return `The user answered:\n${JSON.stringify(answer.values ?? {}, null, 2)}`;
}

export default function (pi: any) {
	// only now, because Pi does not start when two extensions bring a tool of the same name while they load
	pi.on("session_start", () => {
		pi.registerTool({
			name: NAME,
			label: "Ask the user",
			description: DESCRIPTION,
			parameters: PARAMETERS,
			async execute(_id: string, request: any, _signal: unknown, _onUpdate: unknown, ctx: any) {
				const reply = await ctx.ui.editor(TITLE, JSON.stringify(request));
				return { content: [{ type: "text", text: told(reply) }], details: {} };
			},
		});
	});
}
