import { createServer } from 'node:http';
import { listening } from './scratch.mjs';
import { anthropic } from './wires/anthropic.mjs';
import { gemini } from './wires/gemini.mjs';
import { openaiChat } from './wires/openai-chat.mjs';
import { openaiResponses } from './wires/openai-responses.mjs';

// A vendor that plays tool round trips in every dialect, each below a path of its own. Asked to look, it thinks and calls
// one tool of the agent's after another; told what the last one found, it says it. Asked for anything else, it says hello.
// Its frames are written apart from the gateway's own codecs.

export const wires = [openaiChat, openaiResponses, anthropic, gemini];

/** In the prompt of an agent that is to use a tool. */
export const LOOK = 'Look-into-the-file';
export const HELLO = 'Hello from the other side: Zürich 👩‍🚀.';
export const SIGNATURE = Buffer.from('what the vendor wants back').toString('base64');

const PROOF = /proof-[0-9a-f]+ Zürich 👩‍🚀/u;
/** What stands in the file, and in the vendor's last words once it was told. */
export const proofOf = (text) => PROOF.exec(text)?.[0];

/**
 * @returns {Promise<{ origin: string, play: (steps: { readonly [tool: string]: object }[]) => object[], stop: () => void }>}
 *   `play` takes, for each step, what to call a tool with, of those that the agent may have; what it returns tells what
 *   came since, in order.
 */
export async function scriptedVendor() {
  let calls = [];
  let steps = [];
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    const { pathname } = new URL(request.url, 'http://vendor');
    const wire = wires.find(({ matches }) => matches(pathname));
    if (request.method !== 'POST' || wire === undefined) {
      calls.push({ unknown: `${request.method} ${pathname}` });
      return response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"no such path"}}');
    }
    const body = JSON.parse(text);
    const stream = wire.streams(pathname, body);
    const told = wire.told(body);
    const step = steps[calls.filter(({ called }) => called !== undefined).length] ?? {};
    const called = text.includes(LOOK) ? wire.tools(body).find((each) => Object.hasOwn(step, each)) : undefined;
    calls.push({ dialect: wire.dialect, told, called, signed: text.includes(SIGNATURE) });
    response.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json' });
    const turn = called === undefined ? { text: lastWords(told) } : { ...THOUGHT, call: { name: called, input: step[called] } };
    for (const piece of wire.answer(body, turn, stream)) {
      response.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    response.end();
  });
  const play = (next) => {
    steps = next;
    calls = [];
    return calls;
  };
  return { ...(await listening(server)), play };
}

const THOUGHT = { thought: 'I look into the file.', signature: SIGNATURE };

const lastWords = (told) => (told === undefined ? HELLO : `The file says: ${proofOf(told) ?? 'nothing'}`);
