import { mkdir, writeFile } from 'node:fs/promises';
import { generateOpenAPI } from '@daloyjs/core/openapi';
import { buildApp } from './build-app.ts';

// buildApp() opens no database, so that this runs anywhere, in CI for example
const document = generateOpenAPI(buildApp(), { info: { title: 'Shop', version: '1.0.0' } });
await mkdir('generated', { recursive: true });
await writeFile('generated/openapi.json', JSON.stringify(document, null, 2));
console.log('generated/openapi.json');
