import { describe, expect, it } from 'vitest';
import { readCredential } from './credential.ts';

const ID = 'AKIAIOSFODNN7EXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

describe('the key of a Bedrock provider', () => {
  it('is an access key, with or without a session', () => {
    expect(readCredential(`${ID}:${SECRET}`)).toEqual({ accessKeyId: ID, secretAccessKey: SECRET });
    expect(readCredential(` ${ID}:${SECRET}:IQoJb3JpZ2luX2VjE//==\n`)).toEqual({
      accessKeyId: ID,
      secretAccessKey: SECRET,
      sessionToken: 'IQoJb3JpZ2luX2VjE//==',
    });
  });

  it('is one in JSON, as the AWS CLI and the environment name its parts', () => {
    const expected = { accessKeyId: ID, secretAccessKey: SECRET, sessionToken: 't' };
    expect(readCredential(JSON.stringify({ Credentials: { AccessKeyId: ID, SecretAccessKey: SECRET, SessionToken: 't' } }))).toEqual(
      expected,
    );
    expect(readCredential(JSON.stringify({ Version: 1, AccessKeyId: ID, SecretAccessKey: SECRET, SessionToken: 't' }))).toEqual(expected);
    expect(readCredential(JSON.stringify({ AWS_ACCESS_KEY_ID: ID, AWS_SECRET_ACCESS_KEY: SECRET, AWS_SESSION_TOKEN: 't' }))).toEqual(
      expected,
    );
    expect(readCredential(JSON.stringify({ accessKeyId: ID, secretAccessKey: SECRET, sessionToken: '' }))).toEqual({
      accessKeyId: ID,
      secretAccessKey: SECRET,
    });
  });

  it.each(['ABSKQmVkcm9ja0FQSUtleS1leGFtcGxlOmFiYw==', 'bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLw==&Version=1'])(
    'is otherwise an API key that is sent as it is: %s',
    (key) => expect(readCredential(key)).toEqual({ bearer: key }),
  );
});
