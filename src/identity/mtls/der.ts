// X.509 certificates (RFC 5280) in DER, as far as names and fingerprints need them. Nothing is verified here: whoever hands a
// certificate over has done that.

interface Value {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

const SEQUENCE = 0x30;
const OID = 0x06;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const OCTETS = 0x04;
/** Kinds of general names (section 4.2.1.6). */
const EMAIL = 0x81;
const DNS = 0x82;
const URI = 0x86;
const SUBJECT_ALT_NAME = '2.5.29.17';

/** Short names of RFC 4514 section 3, and those that openssl writes beside them. */
const NAMES: { readonly [oid: string]: string } = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

export interface CertificateNames {
  /** As RFC 4514 writes it: the most particular part first. */
  readonly subject: string;
  readonly issuer: string;
  /** Of the subject, by short name; the first of several. */
  readonly parts: { readonly [name: string]: string };
  readonly dns: readonly string[];
  readonly uri: readonly string[];
  readonly email: readonly string[];
}

/** `undefined` for what is no certificate. */
export function readCertificate(der: Uint8Array): CertificateNames | undefined {
  try {
    const [certificate] = values(der);
    const [tbs] = values(bodyOf(certificate, SEQUENCE));
    const fields = values(bodyOf(tbs, SEQUENCE));
    // Without a version, which may be left out: serial, algorithm, issuer, validity, subject, key.
    const [, , issuer, , subject] = fields[0]?.tag === VERSION ? fields.slice(1) : fields;
    const subjectParts = readName(subject);
    return {
      subject: writeName(subjectParts),
      issuer: writeName(readName(issuer)),
      parts: Object.fromEntries(
        subjectParts
          .flat()
          .map(({ name, value }) => [name, value] as const)
          .reverse(),
      ),
      ...alternatives(fields.find(({ tag }) => tag === EXTENSIONS)),
    };
  } catch {
    return undefined;
  }
}

/** The values that stand one after the other. Throws where a length does not fit. */
function values(bytes: Uint8Array): readonly Value[] {
  const found: Value[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = byteAt(bytes, at);
    const first = byteAt(bytes, at + 1);
    const digits = first < 0x80 ? 0 : first & 0x7f;
    if (digits > 3 || first === 0x80) throw new RangeError('a length that no certificate has');
    let length = digits === 0 ? first : 0;
    for (let digit = 0; digit < digits; digit++) length = length * 256 + byteAt(bytes, at + 2 + digit);
    const start = at + 2 + digits;
    if (start + length > bytes.length) throw new RangeError('cut off');
    found.push({ tag, bytes: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError('cut off');
  return byte;
}

function bodyOf(value: Value | undefined, tag: number): Uint8Array {
  if (value?.tag !== tag) throw new TypeError('another kind of value');
  return value.bytes;
}

interface Attribute {
  readonly name: string;
  readonly value: string;
}

/** A name's parts, each of which may hold several attributes. */
const readName = (name: Value | undefined): readonly (readonly Attribute[])[] =>
  values(bodyOf(name, SEQUENCE)).map(({ bytes }) =>
    values(bytes).map((attribute) => {
      const [type, value] = values(bodyOf(attribute, SEQUENCE));
      const oid = readOid(bodyOf(type, OID));
      return { name: NAMES[oid] ?? oid, value: textOf(value) };
    }),
  );

const writeName = (parts: readonly (readonly Attribute[])[]): string =>
  parts
    .map((attributes) => attributes.map(({ name, value }) => `${name}=${escaped(value)}`).join('+'))
    .reverse()
    .join(',');

/** RFC 4514 section 2.4: so that no value can look like further parts. */
const escaped = (text: string): string =>
  text
    .replace(/[,+"\\<>;]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    .replace(/[\u0000-\u001f\u007f]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

const UTF16 = 0x1e;

function textOf(value: Value | undefined): string {
  if (value === undefined) throw new TypeError('no text');
  return new TextDecoder(value.tag === UTF16 ? 'utf-16be' : 'utf-8', { fatal: true, ignoreBOM: true }).decode(value.bytes);
}

function readOid(bytes: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0;
    }
  }
  const [first = 0, ...rest] = numbers;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

function alternatives(extensions: Value | undefined) {
  const names = { dns: [] as string[], uri: [] as string[], email: [] as string[] };
  const [list] = extensions === undefined ? [] : values(extensions.bytes);
  for (const extension of list === undefined ? [] : values(bodyOf(list, SEQUENCE))) {
    const [type, ...rest] = values(bodyOf(extension, SEQUENCE));
    if (readOid(bodyOf(type, OID)) !== SUBJECT_ALT_NAME) continue;
    const [general] = values(bodyOf(rest.at(-1), OCTETS));
    for (const { tag, bytes } of values(bodyOf(general, SEQUENCE))) {
      const into = tag === DNS ? names.dns : tag === URI ? names.uri : tag === EMAIL ? names.email : undefined;
      into?.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    }
  }
  return names;
}
