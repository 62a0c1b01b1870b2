/** Standard base64 with padding (RFC 4648 section 4) of bytes of any length. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  // In slices: a function takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

/** The bytes of base64 text, standard or URL-safe, padded or not; `undefined` where it is neither. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = new Uint8Array(binary.length);
    for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
    return bytes;
  } catch {
    return undefined;
  }
}
