export const meta = {
  name: 'deep-research',
  description: 'Look at a question from several angles, check every claim by three votes, and write the report.',
  whenToUse: 'For a question whose answer must hold up. Give the question as args.',
  phases: [
    { title: 'Scope', detail: 'split the question into angles' },
    { title: 'Research', detail: 'per angle: find out, then extract claims' },
    { title: 'Verify', detail: 'three votes on each claim' },
    { title: 'Synthesize', detail: 'one report from the claims that stand' },
  ],
}

const ANGLES = 3
const CLAIMS = 2
const VOTES = 3

const SCOPE = {
  type: 'object',
  required: ['angles'],
  properties: {
    angles: { type: 'array', minItems: ANGLES, maxItems: ANGLES, items: { type: 'string' } },
  },
}
const EXTRACT = {
  type: 'object',
  required: ['claims'],
  properties: {
    claims: { type: 'array', minItems: CLAIMS, maxItems: CLAIMS, items: { type: 'string' } },
  },
}
const VERDICT = {
  type: 'object',
  required: ['refuted', 'reason'],
  properties: { refuted: { type: 'boolean' }, reason: { type: 'string' } },
}

const given = typeof args === 'string' ? args : args?.question
const question = given?.trim() || 'Why do long-running programs get slower?'

phase('Scope')
const scope = await agent(`Name ${ANGLES} different angles from which to research this question: ${question}`, {
  label: 'scope',
  schema: SCOPE,
})
if (!scope) return { question, report: null, note: 'The question could not be split into angles.' }

// no barrier: the claims of one angle are extracted while another angle is still being researched
const perAngle = await pipeline(
  scope.angles.slice(0, ANGLES),
  (angle, _, index) =>
    agent(`Research "${question}" from this angle and note your sources: ${angle}`, {
      label: `investigate ${index + 1}`,
      phase: 'Research',
    }),
  (notes, angle, index) =>
    notes &&
    agent(`Extract the ${CLAIMS} most important claims about "${angle}" from these notes:\n\n${notes}`, {
      label: `extract ${index + 1}`,
      phase: 'Research',
      schema: EXTRACT,
    }),
)
const claims = perAngle.filter(Boolean).flatMap((found) => found.claims.slice(0, CLAIMS))
log(`${claims.length} claims from ${scope.angles.length} angles`)

phase('Verify')
const judged = await parallel(
  claims.map((claim, index) => async () => {
    const votes = await parallel(
      Array.from({ length: VOTES }, (_, vote) => () =>
        agent(`Try to refute this claim. Say that it is refuted when in doubt.\n\n${claim}`, {
          label: `claim ${index + 1}, vote ${vote + 1}`,
          schema: VERDICT,
        }),
      ),
    )
    const cast = votes.filter(Boolean)
    const refuted = cast.filter((vote) => vote.refuted).length
    // a claim that hardly anybody could judge does not stand
    return { claim, stands: cast.length > VOTES / 2 && refuted <= VOTES / 2, refuted, votes: cast.length }
  }),
)
const standing = judged.filter((entry) => entry?.stands)
log(`${standing.length} of ${claims.length} claims stand`)

phase('Synthesize')
const report = await agent(
  `Answer "${question}" in a short report. Use only these claims:\n\n${standing.map(({ claim }) => `- ${claim}`).join('\n')}`,
  { label: 'synthesize' },
)
return { question, report, claims: judged }
