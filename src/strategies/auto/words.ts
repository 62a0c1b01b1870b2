/** What a word says of a task: that it has conditions, asks for reasons, for something to be made, or for little. */
export type WordClass = 'constraints' | 'reasoning' | 'making' | 'simple';

/** English, German, French, Spanish, Italian and Portuguese; texts in other languages are judged by the rest. */
const WORDS: { readonly [name in WordClass]: string } = {
  constraints: `must should ensure without except exactly only unless least most avoid never always each every include exclude
    within between constraint constraints requirement requirements muss müssen soll sollen ohne genau nur mindestens höchstens jede jeder
    jedes vermeide immer doit doivent sans exactement seulement moins chaque toujours jamais évite debe deben sin exactamente solo menos
    cada siempre nunca evita deve devono senza esattamente almeno ogni devem sem exatamente pelo`,
  reasoning: `why prove proof derive explain analyse analyze compare evaluate justify reason step steps tradeoff tradeoffs
    diagnose debug optimise optimize calculate solve therefore assume suppose contrast critique warum beweise beweis erkläre
    analysiere vergleiche begründe berechne löse pourquoi prouve démontre explique analyse comparez compare justifie calcule résous
    porqué demuestra explica analiza compara justifica calcula resuelve perché dimostra spiega analizza confronta prove explique`,
  making: `implement design refactor architecture algorithm function class schema query migrate migration write build develop plan
    strategy essay report proposal story regex test tests api database concurrency implementiere entwirf entwickle schreibe plane
    implémente conçois développe écris rédige implementa diseña desarrolla escribe redacta implementa progetta sviluppa scrivi`,
  simple: `hi hello hey thanks thank translate define meaning synonym capital spell convert list name when where who yes no classify
    sentiment extract summarise summarize correct grammar rephrase lowercase uppercase hallo danke übersetze bedeutet hauptstadt wann wo
    wer bonjour merci traduis traduire capitale quand où qui hola gracias traduce significa cuándo dónde quién ciao grazie traduci obrigado`,
};

const known: ReadonlyMap<string, WordClass> = new Map(
  (['simple', 'making', 'reasoning', 'constraints'] as const).flatMap((name) =>
    WORDS[name]
      .trim()
      .split(/\s+/)
      .map((word) => [word, name] as const),
  ),
);

const LONGEST = Math.max(...[...known.keys()].map((word) => word.length));

export function wordClass(text: string, from: number, to: number): WordClass | undefined {
  return to - from > LONGEST || to - from < 2 ? undefined : known.get(text.slice(from, to).toLowerCase());
}
