const COLUMNS = { key: 'key_id', team: 'team' } as const;

/** What the request log says that a key or a team has cost, in nano-dollars; calls at no known price count as nothing. */
export async function loggedSpend(db: D1Database, level: keyof typeof COLUMNS, id: string): Promise<number> {
  const query = `SELECT IFNULL(SUM(cost), 0) AS spend FROM requests WHERE ${COLUMNS[level]} = ?`;
  return (await db.prepare(query).bind(id).first<number>('spend')) ?? 0;
}
