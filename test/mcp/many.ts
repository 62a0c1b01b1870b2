import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// Many servers of 2026-07-28 in one process, each at a path of its own, with tools like those that are to be had.

const VERBS = ['create', 'list', 'get', 'update', 'delete', 'search', 'archive', 'export', 'assign', 'comment_on'] as const;
const THINGS = [
  ['issue', 'a ticket that describes work to be done or a fault to be mended'],
  ['invoice', 'a bill that was sent to a customer'],
  ['calendar_event', 'an appointment with its time and the people who take part'],
  ['pull_request', 'a change to code that waits for review'],
  ['customer', 'a person or company that buys'],
  ['deployment', 'a release of software to servers'],
  ['document', 'a text file with its revisions'],
  ['mailbox_message', 'an e-mail with its attachments'],
  ['warehouse_item', 'goods in stock and where they lie'],
  ['dashboard_panel', 'a chart of measured values'],
  ['database_row', 'a record in a table'],
  ['flight_booking', 'a seat on an aeroplane on a given day'],
  ['chat_channel', 'a room in which a team writes to each other'],
  ['payroll_run', 'the monthly payment of wages'],
  ['security_alert', 'a finding of a scanner that somebody has to judge'],
  ['survey', 'questions that customers are asked'],
  ['contract', 'an agreement with its parties and terms'],
  ['vehicle', 'a car or lorry of the fleet'],
  ['lesson', 'one hour of a course and who attends it'],
] as const;

const property = (type: string, description: string, more: object = {}) => ({ type, description, ...more });

/** A tool as vendors write them: some 250 tokens of JSON. */
export function toolOf(server: number, at: number) {
  const verb = VERBS[at % VERBS.length] ?? 'get';
  const [thing, meaning] = THINGS[Math.floor(at / VERBS.length + server) % THINGS.length] ?? ['thing', ''];
  const turn = Math.floor(at / (VERBS.length * THINGS.length));
  const name = `${verb}_${thing}${turn === 0 ? '' : `_v${turn + 1}`}`;
  const words = name.replaceAll('_', ' ');
  return {
    name,
    title: words,
    description:
      `Use this tool to ${words}: ${meaning}. It works on the workspace that the connected account belongs to, and needs the permission ` +
      `"${thing}:${verb}" there. Give the identifier where there is one, since names need not be unique. What it gives back is the object as ` +
      'it stands after the call, with the time of its last change. Calls of one workspace are limited to sixty a minute.',
    inputSchema: {
      type: 'object',
      properties: {
        workspace: property('string', 'The workspace to work in, by its identifier or its short name. The default workspace when absent.'),
        id: property('string', `The identifier of the ${thing.replaceAll('_', ' ')}, as other tools of this server give it.`),
        fields: property('array', 'Names of the fields to give back; all of them when absent.', { items: { type: 'string' } }),
        limit: property('integer', 'How many objects to give at most, from 1 to 100.', { minimum: 1, maximum: 100, default: 20 }),
        dry_run: property('boolean', 'Only say what would happen, and change nothing.', { default: false }),
        note: property('string', 'A remark for the log of changes, in plain text of at most 500 characters.', { maxLength: 500 }),
      },
      required: verb === 'list' || verb === 'search' || verb === 'create' ? [] : ['id'],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: verb === 'list' || verb === 'get' || verb === 'search' },
  };
}

export interface ManyOptions {
  readonly tools: number;
  /** Tools on one page; all of them when absent. */
  readonly page?: number;
  readonly ttlMs?: number;
  readonly cacheScope?: 'public' | 'private';
}

export interface Many {
  url(server: number): string;
  /** How often each method was asked of a server. */
  asked(server: number, method: string): number;
  total(method: string): number;
  /** What a server does from now on; `hang` never answers. */
  set(server: number, state: 'good' | 'hang' | 'html' | 'refuse'): void;
  /** What a server has from now on. */
  change(server: number, options: ManyOptions): void;
  close(): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: messages of every shape
type Message = any;

export async function startMany(servers: readonly ManyOptions[]): Promise<Many> {
  const has = servers.map((each) => ({ ...each, state: 'good' as 'good' | 'hang' | 'html' | 'refuse' }));
  const counts = new Map<string, number>();
  const http = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const at = Number(/\d+$/.exec(request.url ?? '')?.[0] ?? -1);
    const server = has[at];
    const message: Message = JSON.parse(Buffer.concat(pieces).toString() || '{}');
    const count = `${at} ${message.method}`;
    counts.set(count, (counts.get(count) ?? 0) + 1);
    if (server === undefined || server.state === 'refuse') return void response.destroy();
    if (server.state === 'hang') return;
    if (server.state === 'html') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>');
    answer(server, at, message, response);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: (server) => `http://127.0.0.1:${port}/mcp/${server}`,
    asked: (server, method) => counts.get(`${server} ${method}`) ?? 0,
    total: (method) => [...counts].reduce((sum, [key, count]) => (key.endsWith(` ${method}`) ? sum + count : sum), 0),
    set: (server, state) => {
      const each = has[server];
      if (each !== undefined) each.state = state;
    },
    change: (server, options) => {
      const each = has[server];
      if (each !== undefined) Object.assign(each, options);
    },
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function answer(
  { tools, page = tools, ttlMs, cacheScope }: ManyOptions,
  at: number,
  { id, method, params }: Message,
  response: ServerResponse,
) {
  const say = (result: object) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } }));
  };
  const kept = { ...(ttlMs === undefined ? {} : { ttlMs }), ...(cacheScope === undefined ? {} : { cacheScope }) };
  if (method === 'server/discover') {
    return say({ supportedVersions: ['2026-07-28'], capabilities: { tools: { listChanged: true } }, ttlMs: 0, cacheScope: 'private' });
  }
  if (method === 'tools/list') {
    const from = Number(params.cursor ?? 0);
    const until = Math.min(tools, from + page);
    const listed = Array.from({ length: until - from }, (_, each) => toolOf(at, from + each));
    return say({ tools: listed, ...(until < tools ? { nextCursor: String(until) } : {}), ...kept });
  }
  if (method === 'tools/call') {
    return say({ content: [{ type: 'text', text: `${at} ${params.name} ${JSON.stringify(params.arguments)}` }] });
  }
  response.writeHead(404, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }));
}
