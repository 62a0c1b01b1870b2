import { isObject, parseJson } from '../../core/json.ts';
import type { AwsCredentials } from './sigv4.ts';

/**
 * What an operator may give as the key: `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` behind it where the
 * credentials are temporary; the same as JSON, as the AWS CLI prints it; or a Bedrock API key, which is a bearer token
 * and is sent as it is.
 */
export function readCredential(text: string): AwsCredentials | { readonly bearer: string } {
  const trimmed = text.trim();
  const json = trimmed.startsWith('{') ? parseJson(trimmed) : undefined;
  if (isObject(json)) {
    const holder = isObject(json.Credentials) ? json.Credentials : json;
    const text = (...names: readonly string[]) => names.map((name) => holder[name]).find((value) => typeof value === 'string');
    return credentials(
      text('accessKeyId', 'AccessKeyId', 'AWS_ACCESS_KEY_ID') ?? '',
      text('secretAccessKey', 'SecretAccessKey', 'AWS_SECRET_ACCESS_KEY') ?? '',
      text('sessionToken', 'SessionToken', 'AWS_SESSION_TOKEN'),
    );
  }
  const match = /^([A-Z0-9]{16,128}):([^:\s]+)(?::(\S+))?$/.exec(trimmed);
  return match === null ? { bearer: trimmed } : credentials(match[1] ?? '', match[2] ?? '', match[3]);
}

const credentials = (accessKeyId: string, secretAccessKey: string, sessionToken: string | undefined): AwsCredentials => ({
  accessKeyId,
  secretAccessKey,
  ...(sessionToken !== undefined && sessionToken !== '' && { sessionToken }),
});
