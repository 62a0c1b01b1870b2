/** What is wrong with a rule, or with what it met in a call, in words for the operator. */
export class RuleFault extends Error {}

export const refuse = (message: string): RuleFault => new RuleFault(message);
