// usage: node run_onnx.js MODEL.onnx IMAGES HEIGHT,WIDTH,CHANNELS LOGITS
//
// Runs a model by ONNX Runtime on float32 images and writes its float32 logits. The module
// is looked for in $BITSWEEP_ONNXRUNTIME; exit status 77: it is not there.
const fs = require('fs');
const path = require('path');

const [model, imagesFile, shape, logitsFile] = process.argv.slice(2);
let ort;
try {
  ort = require(path.join(process.env.BITSWEEP_ONNXRUNTIME || '', 'node_modules/onnxruntime-node'));
} catch {
  process.exit(77);
}

async function run() {
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: 1,
    // Products of uint8 and int8 saturate without it on processors that have no VNNI.
    extra: {session: {x64quantprecision: '1'}},
  });
  const bytes = fs.readFileSync(imagesFile);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const extents = shape.split(',').map(Number);
  const images = values.length / extents.reduce((a, b) => a * b);
  const result = await session.run({images: new ort.Tensor('float32', values, [images, ...extents])});
  const logits = result.logits.data;
  fs.writeFileSync(logitsFile, Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength));
}

run().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
