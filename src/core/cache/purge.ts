import type { AnswerLabels, StoredAnswer } from './stored-answer.ts';

/** Which answers are thrown away: those that fit all that is said; nothing said means every one. */
export interface PurgeScope {
  /** Of one answer, as the request log shows it. */
  readonly key?: string;
  readonly tag?: string;
  /** As it is asked for. */
  readonly model?: string;
  readonly app?: string;
  readonly org?: string;
}

/** Answers within a scope that were asked for up to then are not given any more. */
export interface PurgeMark {
  readonly scope: PurgeScope;
  /** Milliseconds since the epoch. */
  readonly before: number;
}

export const isPurged = (key: string, { of, askedAt }: Pick<StoredAnswer, 'of' | 'askedAt'>, marks: readonly PurgeMark[]): boolean =>
  marks.some(({ scope, before }) => askedAt <= before && holds(scope, key, of));

const holds = (scope: PurgeScope, key: string, { org, app, model, tags }: AnswerLabels): boolean =>
  (scope.key === undefined || scope.key === key) &&
  (scope.tag === undefined || tags.includes(scope.tag)) &&
  (scope.model === undefined || scope.model === model) &&
  (scope.app === undefined || scope.app === app) &&
  (scope.org === undefined || scope.org === org);
