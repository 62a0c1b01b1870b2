// Wrangler bundles `*.bin` as Data modules, without a rule of its own in wrangler.toml.
declare module '*.bin' {
  const data: ArrayBuffer;
  export default data;
}
