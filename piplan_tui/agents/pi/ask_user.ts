import { readFileSync } from "node:fs";

// A tool by which the model asks the user in the middle of its turn, through the form of the program that
// drives Pi over RPC. The request travels as JSON in the prefill of an editor dialog, because that is the only
// dialog over RPC that carries a text of any length both ways; the reply comes back as
// {"action": "accept" | "decline" | "cancel", "values": {…}}.
const TITLE = "piplan:ask:1";
const TOOL = JSON.parse(readFileSync(new URL("../ask_tool.json", import.meta.url), "utf8"));

function told(reply: string | undefined): string {
	if (reply === undefined) return TOOL.told.cancel;
	let answer: any;
	try {
		answer = JSON.parse(reply);
	} catch {
		return `${TOOL.told.accept}\n${reply}`;
	}
	if (answer.action === "decline") return TOOL.told.decline;
	if (answer.action !== "accept") return TOOL.told.cancel;
	return `${TOOL.told.accept}\n${JSON.stringify(answer.values ?? {}, null, 2)}`;
}

export default function (pi: any) {
	// only now, because Pi does not start when two extensions bring a tool of the same name while they load
	pi.on("session_start", () => {
		pi.registerTool({
			name: TOOL.name,
			label: TOOL.title,
			description: TOOL.description,
			parameters: TOOL.parameters,
			async execute(_id: string, request: any, _signal: unknown, _onUpdate: unknown, ctx: any) {
				const reply = await ctx.ui.editor(TITLE, JSON.stringify(request));
				return { content: [{ type: "text", text: told(reply) }], details: {} };
			},
		});
	});
}
