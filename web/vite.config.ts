import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/**
 * wavesurfer.js writes a <style> element into its shadow root, which the page's Content-Security-Policy refuses. The rules are moved
 * into an inert <template>; lib/wavesurfer.ts adopts them as a constructed style sheet, which the policy allows.
 */
function wavesurferStyles(): Plugin {
  return {
    name: 'wavesurfer-styles',
    transform(code, id) {
      if (!/wavesurfer\.js\/dist\/.*\.esm\.js/.test(id) || !code.includes('<style')) return null;
      const out = code.replace(/<style\$\{[^{}]*\$\{\w+\}[^{}]*\}>/g, '<template class="styles">').replaceAll('</style>', '</template>');
      if (out.includes('<style')) throw new Error(`${id}: the style element has another shape than expected`);
      return { code: out, map: null };
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [wavesurferStyles(), svelte()],
  build: {
    outDir: '../src/auricle/service/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: true,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8765', '/health': 'http://127.0.0.1:8765' } },
});
