import type { Dialect } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { eventstream } from '../../core/eventstream.ts';
import { addSystem } from './add-system.ts';
import { errorFrame, readError, writeError } from './errors.ts';
import { ID } from './fields.ts';
import { frameTexts } from './frame-texts.ts';
import { limitOutput } from './limit-output.ts';
import { markPrefix } from './mark-prefix.ts';
import { patch } from './patch.ts';
import { readCall, readHead } from './read-call.ts';
import { readReply, replyUsage, writeReply } from './reply.ts';
import { EventReader } from './reply-reader.ts';
import { FrameWriter } from './reply-writer.ts';
import { ISSUER } from './signatures.ts';
import { replyTexts, texts } from './texts.ts';
import { writeCall } from './write-call.ts';

/** Amazon Bedrock's Converse API. Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. */
export const bedrock: Dialect = {
  id: ID,
  path: '/model',
  pathOf,
  framing: eventstream,
  issuer: ISSUER,
  head: readHead,
  readCall,
  writeCall,
  limitOutput,
  markPrefix,
  patch,
  texts,
  addSystem,

  replyReader: (model) => new EventReader(model),
  replyWriter: (options) => new FrameWriter(options),
  readReply,
  replyUsage,
  writeReply,
  replyTexts,

  readError,
  writeError,
  errorFrame,

  notable: /event: ?(?:messageStop|metadata|[a-zA-Z]*[eE]xception)/,
  frameTexts,
  isUsageOnly: () => false,
  terminators: [],
};

/** Ids may be ARNs, with colons and slashes: they are one segment of the path, encoded as AWS's SDKs encode it. */
function pathOf(model: string, stream: boolean): string {
  // A segment of dots would leave the path, encoded or not.
  if (/^\.*$/.test(model)) throw new GatewayError('model_not_found', 'The id of a Bedrock model is not of dots alone.');
  return `/model/${encodeSegment(model)}/${stream ? 'converse-stream' : 'converse'}`;
}

/** RFC 3986, unreserved characters alone: `encodeURIComponent` leaves five more. */
const encodeSegment = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
