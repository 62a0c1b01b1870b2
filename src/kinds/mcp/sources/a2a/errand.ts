import { GatewayError } from '../../../../core/errors.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import type { Clock } from '../../../../core/ports.ts';
import { Wire } from '../../../../core/wire.ts';
import { objectOf, textOf } from '../../wire/message.ts';
import { Patience } from '../remote/http.ts';
import type { Ask, SourceContext, SourceLimits } from '../source.ts';
import { failed } from '../tool-result.ts';
import type { Agent, Said } from './agent.ts';
import type { Turn } from './parts.ts';

/** Milliseconds before a task is looked at for the first time; then longer each time, as long as the operator lets it be. */
const FIRST_LOOK = 200;
const LONGER = 1.5;
/** Milliseconds for which an agent has to take note that nobody waits any more. */
const CANCEL_WITHIN = 5_000;
/** The name of the one question that is asked at a time, and of the field of its answer. */
const ANSWER = 'answer';

/** One call of a tool: a message to the agent, and all that follows until the task is done. */
export class Errand {
  readonly #agent: Agent;
  readonly #context: SourceContext;
  readonly #ask: Ask;
  readonly #patience: Patience;
  readonly #poll: number;
  #looks = 0;
  /** The question that was answered: an agent that has only taken the answer in may still show it. */
  #answered: string | undefined;

  constructor(
    agent: Agent,
    ask: Ask,
    context: SourceContext,
    settings: { readonly limits: SourceLimits; readonly poll: number; readonly clock: Clock },
  ) {
    this.#agent = agent;
    this.#ask = ask;
    this.#context = context;
    this.#poll = settings.poll;
    this.#patience = new Patience(settings.limits, settings.clock, context.signal, 'The agent');
  }

  /** What has come of it: the last turn, or what the client is to be asked first. */
  async run(said: Said): Promise<Turn | Wire> {
    const { signal } = this.#patience;
    let turn: Turn | undefined;
    try {
      const waiting = waitingOf(this.#ask.params);
      if (waiting === undefined) turn = await this.#agent.send(said, signal);
      else {
        const answer = answerIn(objectOf(this.#ask.params, 'inputResponses')[ANSWER]);
        if (answer === undefined) return this.#unanswered(waiting.taskId);
        const { mark, ...task } = waiting;
        this.#answered = mark;
        turn = await this.#agent.send({ text: answer, ...task }, signal);
      }
      for (let pause = FIRST_LOOK; ; pause = Math.min(pause * LONGER, this.#poll)) {
        this.#patience.renew();
        const { id, state } = turn;
        if (id === undefined || isOver(turn)) return turn;
        if (state === 'input-required' && turn.mark !== this.#answered) {
          if (this.#context.client.era === 'modern') return this.#asked(turn);
          const answer = answerIn(await this.#patience.during(this.#put(turn)));
          if (answer === undefined) return this.#unanswered(id);
          this.#answered = turn.mark;
          turn = await this.#agent.send({ text: answer, taskId: id, contextId: turn.contextId }, signal);
          pause = FIRST_LOOK;
          continue;
        }
        this.#tell(turn);
        await wait(pause, signal);
        turn = await this.#agent.get(id, signal);
      }
    } catch (thrown) {
      if (signal.aborted && turn?.id !== undefined) this.#cancel(turn.id);
      throw signal.aborted ? signal.reason : thrown;
    } finally {
      this.#patience.end();
    }
  }

  /** Whoever called is told how it goes, where they said that they want to be. */
  #tell({ state, said }: Turn): void {
    const { progressToken } = objectOf(this.#ask.params, '_meta');
    if (typeof progressToken !== 'string' && typeof progressToken !== 'number') return;
    this.#looks += 1;
    this.#context.notify('notifications/progress', {
      progressToken,
      progress: this.#looks,
      message: said === '' ? state : said.slice(0, 2_000),
    });
  }

  /** The client goes and comes back with the answer: nothing of the call is kept here. */
  #asked(turn: Turn): Wire {
    if (!isObject(this.#context.client.capabilities.elicitation)) return this.#unasked(turn);
    const state = { taskId: turn.id ?? '', mark: turn.mark, ...(turn.contextId === undefined ? {} : { contextId: turn.contextId }) };
    return Wire.of({
      resultType: 'input_required',
      inputRequests: { [ANSWER]: { method: 'elicitation/create', params: questionOf(turn) } },
      requestState: JSON.stringify(state),
    });
  }

  async #put(turn: Turn): Promise<JsonObject> {
    const { capabilities } = this.#context.client;
    return isObject(capabilities.elicitation) ? this.#context.ask({ method: 'elicitation/create', params: questionOf(turn) }) : {};
  }

  #unasked({ id, said }: Turn): Wire {
    if (id !== undefined) this.#cancel(id);
    return Wire.of(failed(`The agent asks back, and this client cannot be asked. Call again and say it at once: ${said}`));
  }

  #unanswered(taskId: string): Wire {
    this.#cancel(taskId);
    return Wire.of(failed('The agent asked back and was not answered, so it was told to stop.'));
  }

  #cancel(id: string): void {
    const told = this.#agent.cancel(id, AbortSignal.timeout(CANCEL_WITHIN)).catch(() => undefined);
    this.#context.call?.ports.after(told);
  }
}

const isOver = ({ state }: Turn): boolean =>
  state !== 'submitted' && state !== 'working' && state !== 'input-required' && state !== 'unknown';

const questionOf = ({ said }: Turn): JsonObject => ({
  message: said === '' ? 'The agent needs to know more.' : said,
  requestedSchema: { type: 'object', properties: { [ANSWER]: { type: 'string', title: 'Answer' } }, required: [ANSWER] },
});

function answerIn(answer: Json | undefined): string | undefined {
  if (!isObject(answer) || answer.action !== 'accept' || !isObject(answer.content)) return undefined;
  const text = answer.content[ANSWER];
  return typeof text === 'string' ? text : undefined;
}

interface Waiting {
  readonly taskId: string;
  readonly contextId: string | undefined;
  /** The question that is answered. */
  readonly mark: string;
}

/** The task that waits for the answer which the client brings. */
function waitingOf(params: Wire): Waiting | undefined {
  const state = params.fields.has('requestState') ? parseJson(textOf(params, 'requestState') ?? '') : undefined;
  if (!isObject(state) || typeof state.taskId !== 'string') return undefined;
  return {
    taskId: state.taskId,
    mark: String(state.mark ?? ''),
    contextId: typeof state.contextId === 'string' ? state.contextId : undefined,
  };
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason ?? new GatewayError('internal', 'A wait was given up.'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
