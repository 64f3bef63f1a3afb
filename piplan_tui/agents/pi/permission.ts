// Asks before each tool call, for sessions of a user who wrote a permission policy: the program that drives Pi over
// RPC answers by that policy, or lets the user decide. The call travels as JSON in the prefill of an editor dialog,
// as in ask_user.ts; the reply is {"allow": true | false}.
const TITLE = "piplan:permission:1";

function allowed(reply: string | undefined): boolean {
	if (reply === undefined) return false;
	try {
		return JSON.parse(reply).allow === true;
	} catch {
		return false;
	}
}

export default function (pi: any) {
	pi.on("tool_call", async (event: any, ctx: any) => {
		// a question to the user is no action
		if (event.toolName === "ask_user") return undefined;
		const call = JSON.stringify({ tool: event.toolName, input: event.input ?? {} });
		if (allowed(await ctx.ui.editor(TITLE, call))) return undefined;
		return { block: true, reason: "The user did not allow this. Do without it, or say why that is not possible." };
	});
}
