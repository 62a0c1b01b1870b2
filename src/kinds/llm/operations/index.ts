import type { OperationName } from '../../../core/operation.ts';
import { audioTranslation, speech, transcription } from './audio.ts';
import { embeddings } from './embeddings/index.ts';
import { imageEdit, imageGeneration, imageVariation } from './images.ts';
import { moderations } from './moderations.ts';
import type { Operation } from './operation.ts';
import { rerank } from './rerank/index.ts';

/** Every operation that asks one model once. */
export const operations: readonly Operation[] = [
  embeddings,
  rerank,
  moderations,
  imageGeneration,
  imageEdit,
  imageVariation,
  speech,
  transcription,
  audioTranslation,
];

export function operationNamed(name: OperationName): Operation {
  const operation = operations.find((each) => each.name === name);
  if (operation === undefined) throw new Error(`no operation ${name}`);
  return operation;
}
