import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type AgentCard, type Message, type Part, Role, type Task, TaskState } from '@a2a-js/sdk';
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  type ExecutionEventBus,
  InMemoryTaskStore,
  type RequestContext,
} from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, restHandler, UserBuilder } from '@a2a-js/sdk/server/express';

// An agent as the official SDK makes one, in each of the ways that it can be asked.

export interface TestAgent {
  readonly origin: string;
  readonly arrived: readonly { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** What was said to it, with its metadata. */
  readonly said: readonly { readonly text: string; readonly contextId: string; readonly metadata: unknown }[];
  /** Tasks that somebody cancelled. */
  readonly cancelled: readonly string[];
  close(): Promise<void>;
}

type Way = 'JSONRPC' | 'HTTP+JSON' | '0.3';

interface App extends RequestListener {
  use(path: string, handler: unknown): void;
}

const require = createRequire(import.meta.url);
const express = require('express') as () => App;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const bare = { filename: '', mediaType: '', metadata: undefined };
const text = (value: string): Part => ({ ...bare, content: { $case: 'text', value }, mediaType: 'text/plain' });

/** Does what the first word of a message says. */
class Executor implements AgentExecutor {
  readonly said: { readonly text: string; readonly contextId: string; readonly metadata: unknown }[] = [];
  readonly cancelled: string[] = [];

  async execute(context: RequestContext, bus: ExecutionEventBus): Promise<void> {
    const { taskId, contextId, userMessage, task } = context;
    const heard = userMessage.parts.flatMap(({ content }) => (content?.$case === 'text' ? content.value : [])).join(' ');
    this.said.push({ text: heard, contextId, metadata: context.request.metadata });
    const message = (parts: readonly Part[]): Message => ({
      ...{ messageId: crypto.randomUUID(), contextId, taskId, role: Role.ROLE_AGENT, parts: [...parts] },
      ...{ metadata: undefined, extensions: [], referenceTaskIds: [] },
    });
    const status = (state: TaskState, said?: string) => ({
      state,
      message: said === undefined ? undefined : message([text(said)]),
      timestamp: new Date().toISOString(),
    });
    const tell = (state: TaskState, said?: string) =>
      bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: status(state, said), metadata: undefined }));
    const make = (parts: readonly Part[]) =>
      bus.publish(
        AgentEvent.artifactUpdate({
          ...{ taskId, contextId, append: false, lastChunk: true, metadata: undefined },
          artifact: { artifactId: 'a', name: 'made', description: '', parts: [...parts], metadata: undefined, extensions: [] },
        }),
      );
    if (heard.startsWith('now')) {
      bus.publish(AgentEvent.message({ ...message([text(`at once: ${heard}`)]), taskId: '' }));
      return bus.finished();
    }
    if (task === undefined) {
      const begun: Task = {
        ...{
          id: taskId,
          contextId,
          status: status(TaskState.TASK_STATE_SUBMITTED),
          artifacts: [],
          history: [userMessage],
          metadata: undefined,
        },
      };
      bus.publish(AgentEvent.task(begun));
    }
    if (task !== undefined) {
      make([text(`you said: ${heard}`)]);
      tell(TaskState.TASK_STATE_COMPLETED);
    } else if (heard.startsWith('ask')) tell(TaskState.TASK_STATE_INPUT_REQUIRED, 'Which colour?');
    else if (heard.startsWith('fail')) tell(TaskState.TASK_STATE_FAILED, 'It went wrong.');
    else if (heard.startsWith('sign')) tell(TaskState.TASK_STATE_AUTH_REQUIRED, 'Go to https://login.example.com');
    else if (heard.startsWith('forever')) {
      tell(TaskState.TASK_STATE_WORKING, 'still at it');
      for (let at = 0; at < 1_200 && !this.cancelled.includes(taskId); at++) await wait(50);
      return;
    } else {
      tell(TaskState.TASK_STATE_WORKING, 'half way');
      await wait(600);
      make([
        text('done'),
        { ...bare, content: { $case: 'data', value: { n: 1 } }, mediaType: 'application/json' },
        { ...bare, content: { $case: 'raw', value: Buffer.from('picture') }, mediaType: 'image/png', filename: 'p.png' },
        { ...bare, content: { $case: 'raw', value: Buffer.from('%PDF') }, mediaType: 'application/pdf', filename: 'a b.pdf' },
        { ...bare, content: { $case: 'url', value: 'https://files.example.com/x' }, mediaType: 'text/csv', filename: 'x.csv' },
      ]);
      tell(TaskState.TASK_STATE_COMPLETED);
    }
    bus.finished();
  }

  async cancelTask(taskId: string, bus: ExecutionEventBus): Promise<void> {
    this.cancelled.push(taskId);
    const status = { state: TaskState.TASK_STATE_CANCELED, message: undefined, timestamp: new Date().toISOString() };
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId: '', status, metadata: undefined }));
    bus.finished();
  }
}

const skill = (id: string, description: string, examples: string[] = []) => ({
  ...{ id, name: id.toUpperCase(), description, tags: [], examples },
  ...{ inputModes: [], outputModes: [], securityRequirements: [] },
});

export async function startAgent(way: Way): Promise<TestAgent> {
  const arrived: { method: string; path: string; headers: IncomingHttpHeaders }[] = [];
  const executor = new Executor();
  const app = express();
  const http = createServer((request, response) => {
    arrived.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers });
    app(request, response);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const at = (protocolBinding: string, path: string, protocolVersion: string) => ({
    url: `${origin}${path}`,
    protocolBinding,
    protocolVersion,
    tenant: '',
  });
  const card: AgentCard = {
    ...{ name: 'Painter', description: 'Paints.', version: '1.0.0', provider: undefined, signatures: [], securitySchemes: {} },
    supportedInterfaces: way === 'HTTP+JSON' ? [at('HTTP+JSON', '/rest', '1.0')] : [at('JSONRPC', '/rpc', way === '0.3' ? '0.3' : '1.0')],
    capabilities: { streaming: false, pushNotifications: false, extensions: [], extendedAgentCard: false },
    ...{ securityRequirements: [], defaultInputModes: ['text/plain', 'application/json'], defaultOutputModes: ['text/plain'] },
    skills: [skill('paint', 'Paints a picture.', ['a red house']), skill('re-frame/it', 'Puts it into another frame.')],
  };
  const requestHandler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
  const legacyCompat = { enabled: way === '0.3' };
  const own = { requestHandler, userBuilder: UserBuilder.noAuthentication, legacyCompat };
  app.use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: requestHandler, legacyCompat }));
  app.use('/rpc', jsonRpcHandler(own));
  app.use('/rest', restHandler(own));
  return {
    ...{ origin, arrived, said: executor.said, cancelled: executor.cancelled },
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
