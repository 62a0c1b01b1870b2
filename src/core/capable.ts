import type { Chat, MediaSource, Part } from './chat.ts';
import type { Capability, ModelCard } from './price.ts';
import type { CallSize } from './strategy.ts';

/** What a chat asks of the model that is to answer it. */
export interface Needs {
  /** What must be understood besides text: `image`, `audio`, `video`, `pdf`. */
  readonly reads: ReadonlySet<string>;
  readonly can: ReadonlySet<Capability>;
  /** Output tokens that the caller allows; absent where it sets no limit. */
  readonly output?: number;
}

/** Tokens of an answer without a limit that a context must have room for besides the input. */
const LEAST_ROOM = 1_024;

export function needsOf(chat: Chat): Needs {
  const can = new Set<Capability>();
  if (chat.tools.length > 0) can.add('tools');
  if (chat.responseFormat?.type === 'schema') can.add('structured');
  if (wantsReasoning(chat)) can.add('reasoning');
  const reads = new Set<string>();
  for (const { content } of chat.messages) addMedia(content, reads);
  const { maxTokens } = chat;
  return { reads, can, ...(maxTokens === undefined || maxTokens < 0 ? {} : { output: maxTokens }) };
}

/**
 * Why a model cannot do the job, in a few words; `undefined` where nothing that is known speaks against it. What a card
 * does not say is unknown, and never a reason.
 */
export function lacks(chat: Chat, card: ModelCard | undefined, size: CallSize): string | undefined {
  return unmet(needsOf(chat), card, size);
}

/** As `lacks`, for needs that are compared with several models. */
export function unmet({ reads, can, output }: Needs, card: ModelCard | undefined, size: CallSize): string | undefined {
  if (card === undefined) return undefined;
  const unread = card.reads === undefined ? undefined : [...reads].find((medium) => !isRead(medium, card.reads ?? []));
  if (unread !== undefined) return `does not read ${NAMES[unread] ?? unread}`;
  if (card.can !== undefined && can.has('tools') && !card.can.includes('tools')) return 'no tools';
  if (card.can !== undefined && can.has('reasoning') && !card.can.includes('reasoning')) return 'no reasoning';
  if (card.maxOutput !== undefined && output !== undefined && output > card.maxOutput) {
    return `answers of ${grouped(card.maxOutput)} tokens are too short`;
  }
  const room = output ?? Math.min(size.output, LEAST_ROOM);
  if (card.context !== undefined && size.input + room > card.context) return `context of ${grouped(card.context)} tokens is too small`;
  return undefined;
}

/**
 * Why it is not certain that a model can do the job. Catalogues leave structured output, and PDF files of models that
 * read images, out of many models that have them: a model that is known to have them is better, and one that is not
 * known to have them may well be asked.
 */
export function doubts({ reads, can }: Needs, card: ModelCard | undefined): string | undefined {
  if (card === undefined) return undefined;
  if (card.can !== undefined && can.has('structured') && !card.can.includes('structured')) return 'structured output is not known of it';
  if (card.reads !== undefined && reads.has('pdf') && !card.reads.includes('pdf')) return 'reading PDF files is not known of it';
  return undefined;
}

const NAMES: { readonly [medium: string]: string } = { image: 'images', pdf: 'PDF files' };

const isRead = (medium: string, known: readonly string[]): boolean =>
  known.includes(medium) || (medium === 'pdf' && known.includes('image'));

/** 8,192: by hand, since a formatter of the platform costs more than the ordering that it explains. */
export const grouped = (count: number): string => String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',');

function wantsReasoning({ reasoning }: Chat): boolean {
  if (reasoning === undefined || reasoning.mode === 'disabled' || reasoning.effort === 'none') return false;
  return reasoning.mode !== undefined || reasoning.effort !== undefined || (reasoning.budgetTokens ?? 0) > 0;
}

function addMedia(content: readonly Part[], reads: Set<string>): void {
  for (const part of content) {
    if (part.type === 'image' || part.type === 'audio') reads.add(part.type);
    else if (part.type === 'tool-result') addMedia(part.content, reads);
    else if (part.type === 'file') {
      const medium = mediumOf(part.source, part.name);
      if (medium !== undefined) reads.add(medium);
    }
  }
}

/** What a model must read to read a file; `undefined` for text, and where nobody can tell. */
function mediumOf(source: MediaSource, name: string | undefined): string | undefined {
  const type = 'mediaType' in source ? source.mediaType.toLowerCase() : '';
  const [family = ''] = type.split('/', 1);
  if (family === 'image' || family === 'audio' || family === 'video') return family;
  if (type === 'application/pdf') return 'pdf';
  const path = source.kind === 'url' ? (source.url.split(/[?#]/, 1)[0] ?? '') : (name ?? '');
  return type === '' && /\.pdf$/i.test(path) ? 'pdf' : undefined;
}
