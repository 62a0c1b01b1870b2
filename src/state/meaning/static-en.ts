/** What `static-en.bin` says of itself, known before it is loaded; both are written by `npm run distil`. */
export const staticEnglish = { id: 'weir/static-en-128-a1e740d7', dimensions: 128 } as const;
