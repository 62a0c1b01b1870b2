// Wrangler bundles `*.wasm` as compiled modules, without a rule of its own in wrangler.toml: workerd compiles none at run time.
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
