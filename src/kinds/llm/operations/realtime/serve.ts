import { type Candidate, walk } from '../../../../core/attempt.ts';
import { GatewayError } from '../../../../core/errors.ts';
import type { Exchange } from '../../../../core/exchange.ts';
import { invalid } from '../../../../core/fields.ts';
import type { Reply, ReplyEnd } from '../../../../core/kind.ts';
import { OperationCall } from '../../../../core/operation.ts';
import type { Plan } from '../../../../core/plan.ts';
import type { PolicyChain } from '../../../../core/run.ts';
import { nameOf } from '../../../../core/strategy.ts';
import { Wire } from '../../../../core/wire.ts';
import { unreachable } from '../../ask.ts';
import { candidatesOf } from '../../routing/candidates.ts';
import { type Routed, routeCall } from '../../routing/route.ts';
import { openLine } from '../../upstream.ts';
import { sleep } from '../../walks.ts';
import { chargeFor } from '../meter.ts';
import { errorOf, placeOf, plannedProvider, prepareRequest } from '../upstream.ts';
import { relaySockets } from './relay.ts';
import { SessionHold } from './session-hold.ts';
import { SessionMeter } from './usage.ts';

const OPERATION = { name: 'realtime', path: 'realtime', shape: 'openai' } as const;
/** People think between two sentences: a session may be silent for so many times as long as a stream. */
const IDLE_TIMES = 10;
/** Milliseconds a session may last: the vendor ends its own after an hour. */
const LONGEST = 3_600_000;
/** How a browser, which cannot set headers, presents its key: https://platform.openai.com/docs/guides/realtime-websocket */
const KEY_PROTOCOL = 'openai-insecure-api-key.';

const unseen = (): never => {
  throw new GatewayError('not_supported', 'A policy of this route looks at texts, which a realtime session does not show it.');
};

/** A connection, as policies see it: a model that is asked for. One that wants to look at texts refuses it. */
export function realtimeCall(request: Request): OperationCall {
  const model = new URL(request.url).searchParams.get('model');
  if (model === null || model === '') throw invalid('model', 'given in the address: `/v1/realtime?model=…`');
  const head = { model, stream: true, wantsUsage: true };
  return new OperationCall('realtime', Wire.of({ model }), head, request.headers, 'openai', { head: () => head, texts: unseen });
}

/** The caller's subprotocols without its key. */
function protocolsOf(headers: Headers): readonly string[] {
  const offered = headers.get('sec-websocket-protocol')?.split(',') ?? [];
  return offered.map((each) => each.trim()).filter((each) => each !== '' && !each.startsWith(KEY_PROTOCOL));
}

/** Connects a caller with a model's provider and carries frames between them; usage is learnt from what passes. */
export async function serveRealtime(call: OperationCall, exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply> {
  exchange.note('operation', 'realtime');
  if (chain.touches !== 'nothing') unseen();
  const routed = await routeCall(call, exchange, plan);
  const { resolved } = routed;
  const meter = new SessionMeter();
  const { answer, attempts } = await connectFirst(call, exchange, plan, routed, meter);
  const { target, socket, session } = answer;
  const { caller, gateway } = exchange.ports.sockets();
  const idle = resolved.timeout.idle * IDLE_TIMES;
  const servedModel = nameOf(target);
  const at = exchange.ports.clock.now();
  const limits = { idle, total: LONGEST, vigil: exchange.vigil };
  const done = relaySockets(gateway, socket, meter, limits, exchange.ports, session).then(async (end): Promise<ReplyEnd> => {
    const ended = { ...end, servedModel, attempts, firstTokenAt: at };
    await session?.quiet();
    if (session !== undefined) {
      const { usage, cost } = session.total;
      return { ...ended, usage, ...cost };
    }
    const { usage } = meter;
    return { ...ended, ...(usage === undefined ? {} : { usage }), ...chargeFor(plan, target, usage, exchange.ports.clock.now()) };
  });
  const [protocol] = protocolsOf(call.headers);
  return {
    status: 101,
    contentType: 'application/json',
    body: '',
    stream: true,
    servedModel,
    attempts,
    loss: [],
    socket: caller,
    ...(protocol === undefined ? {} : { headers: { 'sec-websocket-protocol': protocol } }),
    done,
  };
}

async function connectFirst(call: OperationCall, exchange: Exchange, plan: Plan, routed: Routed, meter: SessionMeter) {
  const { clock, health } = exchange.ports;
  const { resolved, decision } = routed;
  const limits = { model: resolved.name, deadline: clock.now() + resolved.timeout.firstToken };
  const tools = { clock, signal: exchange.signal, sleep, random: Math.random, health, decision };
  const candidates = candidatesOf(routed.targets, routed, plan, exchange.ports);
  return walk(candidates, limits, tools, async (candidate, trying) => {
    const { target } = candidate;
    const { hold } = exchange;
    const session = hold === undefined ? undefined : new SessionHold({ hold, plan, target, meter, clock, ttl: plan.limits.hold });
    await session?.take();
    const socket = await connect(call, candidate, exchange, plan, routed.rulesOf(target).timeout.firstToken);
    // A session lasts as long as people talk: that it was opened is what it says of the place.
    trying?.began();
    trying?.ended(undefined);
    return { target, session, socket };
  });
}

async function connect(call: OperationCall, { target, credential }: Candidate, exchange: Exchange, plan: Plan, wait: number) {
  const place = placeOf(plannedProvider(plan, target.provider), OPERATION, target.model);
  const url = new URL(place.url);
  url.searchParams.set('model', target.model);
  const line = openLine(wait);
  try {
    const request = await prepareRequest({ method: 'GET', url: url.href }, place, call.headers, line.signal, exchange, credential);
    const protocols = protocolsOf(call.headers);
    const headers = protocols.length === 0 ? request.headers : { ...request.headers, 'sec-websocket-protocol': protocols.join(', ') };
    const connected = await exchange.ports.egress.connect({ ...request, headers });
    if ('refused' in connected) throw await refusal(connected.refused);
    line.answered();
    return connected.socket;
  } catch (thrown) {
    throw unreachable(line.signal.aborted ? line.signal.reason : thrown);
  }
}

const refusal = async (response: Response): Promise<GatewayError> =>
  response.status < 400 ? new GatewayError('upstream_invalid', 'The provider did not open a WebSocket.') : errorOf(response);
