import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFault, checkAddress } from './address.ts';
import { GatewayError } from './errors.ts';

/** `undefined` where the URL does not even parse: nothing can be sent there. */
const fault = (text: string, local: boolean): string | undefined => {
  const url = URL.parse(text);
  return url === null ? 'not a URL' : addressFault(url, local);
};

const publicHosts = [
  'https://api.openai.com/v1',
  'https://api.openai.com:443/v1',
  'https://api.openai.com:8443/v1',
  'https://generativelanguage.googleapis.com/v1beta/openai',
  'https://my-gateway.eu-west-1.example.co.uk',
  'https://a_b.example.com',
  'https://xn--bcher-kva.example',
  'https://bücher.example',
  'https://EXAMPLE.com',
  'https://internal.example.com',
  'https://localhost.example.com',
  'https://127.0.0.1.example.com',
  'https://10.example.com',
  'https://example.com/?url=http://127.0.0.1',
  'https://example.com/#@127.0.0.1',
  'https://example.com/@127.0.0.1',
];

const loopback = [
  'http://127.0.0.1:9100/v1',
  'http://127.0.0.1/',
  'https://127.0.0.1',
  'http://127.1.2.3',
  'http://127.255.255.255:1',
  'http://localhost:11434/v1',
  'https://localhost',
  'http://LOCALHOST:1',
  'http://[::1]:8080',
  'https://[0:0:0:0:0:0:0:1]',
  // Other spellings of the same, put into normal form by the URL parser.
  'http://2130706433',
  'http://0x7f000001',
  'http://0x7f.1',
  'http://017700000001',
  'http://0177.0.0.1',
  'http://127.1',
  'http://127.0.1',
  'http://%31%32%37.0.0.1',
  'http://127.0.0.1',
  'http://127。0。0。1',
  'http://①②⑦.0.0.1',
  'http://loc%61lhost',
  'http://127.0.0.1.',
];

const forbidden = [
  // Private, link-local, shared, benchmark, multicast, reserved, unspecified (RFC 6890), metadata services.
  'https://10.0.0.1',
  'https://10.255.255.255:8443',
  'https://172.16.0.1',
  'https://172.31.255.254',
  'https://192.168.0.1',
  'https://192.168.1.1',
  'https://169.254.169.254/latest/meta-data/',
  'http://169.254.169.254/latest/meta-data/',
  'https://169.254.170.2',
  'https://2852039166',
  'https://0xa9fea9fe',
  'https://0251.0376.0251.0376',
  'https://100.64.0.1',
  'https://100.127.255.255',
  'https://100.100.100.200',
  'https://0.0.0.0',
  'https://0',
  'https://0.0.0.1',
  'https://192.0.0.1',
  'https://192.0.2.1',
  'https://192.88.99.1',
  'https://198.18.0.1',
  'https://198.51.100.1',
  'https://203.0.113.1',
  'https://224.0.0.1',
  'https://240.0.0.1',
  'https://255.255.255.255',
  // Public ones too: a provider has a name.
  'https://8.8.8.8',
  'https://1.1.1.1',
  // IPv6: unspecified, mapped, compatible, NAT64, 6to4, Teredo, unique local, link and site local, documentation, public.
  'https://[::]',
  'https://[::ffff:127.0.0.1]',
  'https://[::ffff:7f00:1]',
  'https://[::ffff:10.0.0.1]',
  'https://[::ffff:169.254.169.254]',
  'https://[::127.0.0.1]',
  'https://[64:ff9b::7f00:1]',
  'https://[64:ff9b::169.254.169.254]',
  'https://[64:ff9b:1::1]',
  'https://[2002:7f00:1::]',
  'https://[2002:a9fe:a9fe::]',
  'https://[2001:0:1::1]',
  'https://[fc00::1]',
  'https://[fd00:ec2::254]',
  'https://[fe80::1]',
  'https://[fec0::1]',
  'https://[ff02::1]',
  'https://[2001:db8::1]',
  'https://[2606:4700:4700::1111]',
  // Names that are no public name.
  'https://router',
  'https://metadata',
  'https://kubernetes',
  'https://printer.local',
  'https://metadata.google.internal',
  'https://instance-data.ec2.internal',
  'https://app.localhost',
  'https://x.localdomain',
  'https://nas.home.arpa',
  'https://1.0.0.127.in-addr.arpa',
  'https://host.docker.internal',
  'https://git.corp',
  'https://git.intranet',
  'https://box.lan',
  'https://hidden.onion',
  'https://example.com.',
  'https://localhost.',
  'http://localhost.:11434',
  'https://a..example.com',
  'https://.example.com',
  'https://-a.example.com',
  `https://${'a'.repeat(64)}.example.com`,
  `https://${'a.'.repeat(130)}example.com`,
  'https://exa*mple.com',
  // Credentials and look-alikes.
  'https://user@api.openai.com',
  'https://user:pass@api.openai.com',
  'https://:pass@api.openai.com',
  'https://api.openai.com@127.0.0.1',
  'https://api.openai.com:443@10.0.0.1',
  'http://user@localhost',
  'http://user:pass@127.0.0.1',
  String.raw`https://u\@10.0.0.1`,
  'https://127.0.0.1:80@10.0.0.1',
  // Other schemes and plain http.
  'http://api.openai.com',
  'http://10.0.0.1',
  'http://example.com:443',
  'ftp://example.com',
  'file:///etc/passwd',
  'data:text/plain,x',
  'blob:https://example.com/1',
  'javascript:alert(1)',
  'gopher://127.0.0.1:70',
  'ws://127.0.0.1',
  'wss://example.com',
  'unix:/var/run/docker.sock',
];

describe('address rules', () => {
  it('tries at least ninety addresses', () => {
    expect(new Set([...publicHosts, ...loopback, ...forbidden]).size).toBeGreaterThanOrEqual(90);
  });

  it.each(publicHosts)('allows %s everywhere', (text) => {
    expect(fault(text, false)).toBeUndefined();
    expect(fault(text, true)).toBeUndefined();
  });

  it.each(loopback)('allows %s in local runs alone', (text) => {
    expect(fault(text, true)).toBeUndefined();
    expect(fault(text, false)).toMatch(/loopback/);
  });

  it.each(forbidden)('refuses %s everywhere', (text) => {
    expect(fault(text, false)).toBeTypeOf('string');
    expect(fault(text, true)).toBeTypeOf('string');
  });

  it.each([
    ['https://8.8.8.8', /IP address/],
    ['https://[2606:4700:4700::1111]', /IP address/],
    ['https://example.com.', /ends in a dot/],
    ['https://router', /single label/],
    ['https://exa*mple.com', /not a host name/],
    ['https://nas.home.arpa', /\.arpa/],
    ['https://user@example.com', /credentials/],
    ['http://example.com', /not https/],
    ['ftp://example.com', /not an https URL/],
  ])('says why it refuses %s', (text, reason) => {
    expect(fault(text, false)).toMatch(reason);
  });

  it('throws address_refused without repeating the address', () => {
    const thrown = (() => {
      try {
        checkAddress(new URL('https://secret-host.internal/path'), false);
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(GatewayError);
    expect(thrown).toMatchObject({ code: 'address_refused', fault: 'gateway' });
    expect(String(thrown)).not.toContain('secret-host');
  });

  it('refuses every IPv4 address in every spelling, but loopback in local runs', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffffffff),
        fc.constantFrom('decimal', 'hex', 'octal', 'dotted', 'mapped', 'nat64'),
        fc.boolean(),
        (n, form, local) => {
          const octets = [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
          const spelling = {
            decimal: String(n),
            hex: `0x${n.toString(16)}`,
            octal: octets.map((octet) => `0${octet.toString(8)}`).join('.'),
            dotted: octets.join('.'),
            mapped: `[::ffff:${octets.join('.')}]`,
            nat64: `[64:ff9b::${octets.join('.')}]`,
          }[form];
          const allowed = local && octets[0] === 127 && form !== 'mapped' && form !== 'nat64';
          expect(fault(`https://${spelling}/`, local) === undefined).toBe(allowed);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('refuses every IPv6 address but ::1 in local runs', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.boolean(), (address, local) => {
        const url = URL.parse(`https://[${address}]/`);
        if (url === null) return;
        expect(addressFault(url, local) === undefined).toBe(local && url.hostname === '[::1]');
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws, whatever the URL', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.webUrl(),
          fc.string().map((text) => `https://${text}`),
        ),
        fc.boolean(),
        (text, local) => {
          const url = URL.parse(text);
          if (url !== null) expect(['string', 'undefined']).toContain(typeof addressFault(url, local));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
