/** What of LiteLLM's management API is served, by method. Apart, so that the door knows it without loading the rest. */
export const litellmPaths = [
  ['POST', '/key/generate'],
  ['GET', '/key/info'],
  ['POST', '/key/update'],
  ['POST', '/key/delete'],
  ['POST', '/key/block'],
  ['POST', '/key/unblock'],
  ['POST', '/team/new'],
  ['GET', '/team/info'],
] as const;

export type LitellmPath = (typeof litellmPaths)[number][1];
