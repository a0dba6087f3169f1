import type { NewArticle } from './articles.ts';

const ada = { email: 'ada@example.com', fullName: 'Ada' };
const grace = { email: 'grace@example.com', fullName: 'Grace' };

export const samples: NewArticle[] = [
  { ...ada, title: 'Units of work', text: 'What changes together is flushed together.', tags: ['orm', 'patterns'] },
  { ...grace, title: 'Batches', text: 'On D1, a flush is one batch: all of it or nothing.', tags: ['orm', 'd1'] },
  { ...ada, title: 'Isolates', text: 'A worker starts in milliseconds, and is gone as soon.', tags: ['workers'] },
];
