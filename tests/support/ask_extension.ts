// A tool that asks the user in every way that an extension can over RPC.
export default function (pi: any) {
	pi.registerTool({
		name: "ask_user",
		label: "Ask",
		description: "Ask the user",
		parameters: {
			type: "object",
			properties: { kind: { type: "string" }, timeout: { type: "number" } },
			required: ["kind"],
		},
		async execute(_id: string, args: any, ...rest: any[]) {
			const ctx = rest[rest.length - 1];
			const options = args.timeout ? { timeout: args.timeout } : undefined;
			const answers: Record<string, unknown> = {};
			if (args.kind === "all" || args.kind === "select")
				answers.select = await ctx.ui.select("Which audience?", ["Seed investors", "Enterprise buyers"], options);
			if (args.kind === "all") {
				answers.input = await ctx.ui.input("How many slides?", "5");
				answers.confirm = await ctx.ui.confirm("Write files?", "This will write deck.md");
				answers.editor = await ctx.ui.editor("Notes", "prefilled");
				ctx.ui.notify("thank you", "warning");
			}
			return { content: [{ type: "text", text: JSON.stringify(answers) }], details: {} };
		},
	});
}
