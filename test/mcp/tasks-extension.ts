import { randomUUID } from 'node:crypto';

// The extension `io.modelcontextprotocol/tasks` of 2026-07-28, which no official SDK runs yet: in front of a server that
// knows nothing of it, with the tools that the official conformance suite asks for by name.

export type Serve = (request: Request, body: unknown) => Promise<Response>;

const EXTENSION = 'io.modelcontextprotocol/tasks';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

// biome-ignore lint/suspicious/noExplicitAny: messages of every shape
type Any = any;

interface Task {
  readonly id: string;
  readonly createdAt: string;
  status: 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';
  lastUpdatedAt: string;
  result?: object;
  error?: object;
  readonly asked: Map<string, { readonly request: object; readonly answered: (answer: Any) => void }>;
}

class Refusal extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: object,
    readonly status = 200,
  ) {
    super(message);
  }
}

const missing = () => new Refusal(-32021, 'tasks are required', { requiredCapabilities: { extensions: { [EXTENSION]: {} } } }, 400);
const text = (value: string, isError?: true) => ({ content: [{ type: 'text', text: value }], ...(isError ? { isError } : {}) });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const elicit = (message: string, field: string) => ({
  method: 'elicitation/create',
  params: { message, requestedSchema: { type: 'object', properties: { [field]: { type: 'string' } }, required: [field] } },
});

type Ask = (key: string, request: object) => Promise<Any>;

/** What runs as a task; those `required` in no other way. A tool that is no task has `sync`. */
const tools: {
  readonly [name: string]: {
    readonly required?: true;
    readonly sync?: (args: Any) => object;
    readonly run?: (args: Any, ask: Ask, answers: Any) => Promise<object>;
    readonly first?: (answers: Any) => object | undefined;
  };
} = {
  greet: { sync: ({ name }) => text(`Hello, ${name}!`) },
  slow_compute: {
    run: async ({ seconds = 0, label = '' }) => {
      await wait(seconds * 1000);
      return text(`computed ${label}`);
    },
  },
  failing_job: {
    required: true,
    run: async () => {
      await wait(300);
      return text('it failed', true);
    },
  },
  protocol_error_job: {
    run: async () => {
      await wait(100);
      throw new Refusal(-32603, 'it broke');
    },
  },
  confirm_delete: {
    run: async ({ filename }, ask) => {
      const answer = await ask('confirm', elicit(`Delete ${filename}?`, 'confirm'));
      return text(`${answer.action} ${JSON.stringify(answer.content ?? {})}`);
    },
  },
  multi_input: {
    run: async (_args, ask) => {
      const [first, second] = await Promise.all([ask('first', elicit('First?', 'name')), ask('second', elicit('Second?', 'name'))]);
      return text(`${first.content?.name} and ${second.content?.name}`);
    },
  },
  read_later: {
    run: async () => ({ content: [{ type: 'resource_link', uri: 'test://static-text', name: 'later' }] }),
  },
  test_tool_with_task: {
    required: true,
    first: (answers) =>
      answers?.user_name === undefined
        ? { resultType: 'input_required', inputRequests: { user_name: elicit('Who?', 'name') }, requestState: 'round-1' }
        : undefined,
    run: async (_args, _ask, answers) => {
      await wait(50);
      return text(`Hello, ${JSON.stringify(answers.user_name.content)}`);
    },
  },
};

const listed = Object.keys(tools).map((name) => ({ name, description: `Does what ${name} says`, inputSchema: { type: 'object' } }));

export interface TaskServer {
  readonly serve: Serve;
  /** The server's own ids of its tasks, in their order. */
  readonly ids: () => readonly string[];
  readonly cancelled: () => number;
}

export function withTasks(inner: Serve): TaskServer {
  const tasks = new Map<string, Task>();
  const watchers = new Set<(task: Task) => void>();
  const set = (task: Task, status: Task['status']) => {
    if (['completed', 'failed', 'cancelled'].includes(task.status)) return;
    task.status = status;
    task.lastUpdatedAt = new Date().toISOString();
    for (const watch of watchers) watch(task);
  };
  const shown = (task: Task) => ({
    taskId: task.id,
    status: task.status,
    createdAt: task.createdAt,
    lastUpdatedAt: task.lastUpdatedAt,
    ttlMs: 60_000,
    pollIntervalMs: 100,
  });
  const detailed = (task: Task) => ({
    ...shown(task),
    ...(task.status === 'completed' ? { result: task.result } : {}),
    ...(task.status === 'failed' ? { error: task.error } : {}),
    ...(task.status === 'input_required'
      ? { inputRequests: Object.fromEntries([...task.asked].map(([key, { request }]) => [key, request])) }
      : {}),
  });

  function start(name: string, args: Any, answers: Any): Task {
    const now = new Date().toISOString();
    const task: Task = { id: randomUUID(), createdAt: now, lastUpdatedAt: now, status: 'working', asked: new Map() };
    tasks.set(task.id, task);
    const ask: Ask = (key, request) =>
      new Promise((resolve) => {
        task.asked.set(key, { request, answered: resolve });
        set(task, 'input_required');
      });
    void tools[name]?.run?.(args, ask, answers).then(
      (result) => {
        task.result = result;
        set(task, 'completed');
      },
      (thrown: Refusal) => {
        task.error = { code: thrown.code, message: thrown.message };
        set(task, 'failed');
      },
    );
    return task;
  }

  function known(params: Any): Task {
    const task = tasks.get(params.taskId);
    if (task === undefined) throw new Refusal(-32602, 'unknown task');
    return task;
  }

  const methods: { readonly [method: string]: (params: Any) => object } = {
    'tasks/get': (params) => detailed(known(params)),
    'tasks/update': (params) => {
      const task = known(params);
      for (const [key, answer] of Object.entries(params.inputResponses ?? {})) {
        const asked = task.asked.get(key);
        task.asked.delete(key);
        if (task.asked.size === 0) set(task, 'working');
        asked?.answered(answer);
      }
      return {};
    },
    'tasks/cancel': (params) => {
      set(known(params), 'cancelled');
      return {};
    },
  };

  async function called(params: Any, knows: boolean): Promise<object | undefined> {
    const tool = tools[params.name];
    if (tool === undefined) return undefined;
    if (tool.sync !== undefined) return tool.sync(params.arguments ?? {});
    if (!knows && tool.required) throw missing();
    const first = tool.first?.(params.inputResponses);
    if (first !== undefined) return first;
    const task = start(params.name, params.arguments ?? {}, params.inputResponses);
    if (knows) return { resultType: 'task', ...shown(task) };
    while (task.status === 'working') await wait(20);
    return task.result ?? text('cannot ask', true);
  }

  function listen({ id, params }: Any, signal: AbortSignal): Response {
    const { taskIds } = params.notifications;
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const send = (method: string, said: object) => {
          const message = { jsonrpc: '2.0', method, params: { ...said, _meta: { 'io.modelcontextprotocol/subscriptionId': id } } };
          controller.enqueue(encoder.encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`));
        };
        send('notifications/subscriptions/acknowledged', { notifications: { taskIds } });
        const watch = (task: Task) => taskIds.includes(task.id) && send('notifications/tasks', detailed(task));
        watchers.add(watch);
        signal.addEventListener('abort', () => watchers.delete(watch));
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  }

  const serve: Serve = async (request, message) => {
    const { id, method, params } = (message ?? {}) as Any;
    const knows = params?._meta?.[CAPABILITIES]?.extensions?.[EXTENSION] !== undefined;
    try {
      if (method?.startsWith('tasks/')) {
        const run = methods[method];
        if (run === undefined) throw new Refusal(-32601, 'no such method', undefined, 404);
        if (!knows) throw missing();
        return Response.json({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...run(params) } });
      }
      if (method === 'subscriptions/listen' && params.notifications?.taskIds !== undefined) {
        if (!knows) throw missing();
        return listen(message, request.signal);
      }
      const result = method === 'tools/call' ? await called(params, knows) : undefined;
      if (result !== undefined) return Response.json({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } });
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      const { code, message: why, data, status } = thrown;
      return Response.json({ jsonrpc: '2.0', id, error: { code, message: why, ...(data === undefined ? {} : { data }) } }, { status });
    }
    const response = await inner(request, message);
    if (method !== 'server/discover' && method !== 'tools/list') return response;
    return patched(await response.text(), method);
  };

  return {
    serve,
    ids: () => [...tasks.keys()],
    cancelled: () => [...tasks.values()].filter(({ status }) => status === 'cancelled').length,
  };
}

/** What the server behind says of itself and its tools, and the tasks. */
function patched(said: string, method: string): Response {
  const message: Any = JSON.parse(
    said.startsWith('{')
      ? said
      : (said
          .split('\n')
          .filter((line) => line.startsWith('data: {'))
          .at(-1)
          ?.slice(6) ?? '{}'),
  );
  if (message.result === undefined) return Response.json(message);
  if (method === 'tools/list') message.result.tools.push(...listed);
  else {
    const { capabilities } = message.result;
    message.result.capabilities = { ...capabilities, extensions: { ...capabilities.extensions, [EXTENSION]: {} } };
  }
  return Response.json(message);
}
