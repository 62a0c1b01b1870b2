import { GatewayError } from '../../../core/errors.ts';
import { OperationCall } from '../../../core/operation.ts';
import { Wire } from '../../../core/wire.ts';
import { aiSdkBody } from './embeddings/ai-sdk.ts';
import { geminiBody } from './embeddings/gemini.ts';
import { Form } from './form/form.ts';
import { operationNamed } from './index.ts';
import type { Operation } from './operation.ts';

export const isForm = (request: Request): boolean => /^multipart\//i.test(request.headers.get('content-type') ?? '');

export const openJson = (operation: Operation, text: string, headers: Headers): OperationCall =>
  OperationCall.read(operation.name, text, headers, operation.shape, operation);

/** Gemini's clients name the model in the address. */
export const openGeminiEmbeddings = (model: string, text: string, headers: Headers): OperationCall =>
  OperationCall.read(operationNamed('embeddings').name, text, headers, 'gemini', geminiBody(model));

/** The AI SDK names the model in a header. */
export const openAiSdkEmbeddings = (text: string, headers: Headers): OperationCall =>
  OperationCall.read(operationNamed('embeddings').name, text, headers, 'ai-sdk', aiSdkBody(headers.get('ai-model-id') ?? ''));

/**
 * A call that came as a form. Only what must be known is waited for: the model, and where policies look, the texts;
 * `room` is the bytes that may be held for it.
 */
export async function openForm(operation: Operation, request: Request, room: number, hasPolicies: boolean): Promise<OperationCall> {
  if (operation.formTexts === undefined)
    throw new GatewayError('unsupported_media_type', 'Send this call as `content-type: application/json`.');
  const form = Form.of(request, room);
  const texts = hasPolicies ? operation.formTexts : [];
  await form.readUntil(['model', ...texts], 'a field that must be read first stands behind the file: send `model` before it');
  const wire = Wire.of(form.fields);
  return new OperationCall(operation.name, wire, operation.head(wire.json()), request.headers, operation.shape, operation, form);
}
