// `npm run bench`: a comparison, or with --profile a look inside one gateway. README.md lists the options.
await import(process.argv.includes('--profile') ? './profile.mjs' : './compare.mjs');
