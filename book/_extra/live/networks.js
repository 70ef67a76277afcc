// The networks' arithmetic: logits, and gradients with respect to the image. It runs in a Worker,
// which api.js makes from this function's own source: nothing outside of it may be used.
window.intriguing = window.intriguing ?? { parts: {} };

window.intriguing.parts.networks = () => {
  const KERNEL = 5; // of every convolution: so many rows and columns
  const BORDER = 2; // of zeros around what it reads

  // A string of base64 as numbers. Weights are stored with their lowest byte first, as every
  // machine with a browser has them.
  const decode = (text, Numbers) =>
    new Numbers(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

  // Weights in 16 bits are whole multiples of their row's scale.
  const weights = ({ weight, scale }) => {
    if (!scale) return decode(weight, Float32Array);
    const scales = decode(scale, Float32Array), whole = decode(weight, Int16Array);
    const row = whole.length / scales.length;
    return Float32Array.from(whole, (value, place) => value * scales[Math.floor(place / row)]);
  };

  // Each kind of layer has `forward`, from its input to its output, and `backward`, from the slope
  // of a number with respect to its output to that with respect to its input.
  const KINDS = {
    linear: {
      forward: ({ weight, bias, inputs, outputs }, input) => {
        const output = Float64Array.from(bias);
        for (let row = 0; row < outputs; row++) output[row] += product(weight, row * inputs, input);
        return output;
      },
      backward: ({ weight, inputs, outputs }, input, output, slope) => {
        const before = new Float64Array(inputs);
        for (let row = 0; row < outputs; row++) {
          const factor = slope[row], start = row * inputs;
          if (factor === 0) continue;
          for (let column = 0; column < inputs; column++) before[column] += factor * weight[start + column];
        }
        return before;
      },
    },

    sigmoid: {
      forward: (layer, input) => input.map((value) => 1 / (1 + Math.exp(-value))),
      backward: (layer, input, output, slope) =>
        slope.map((value, unit) => value * output[unit] * (1 - output[unit])),
    },

    relu: {
      forward: (layer, input) => input.map((value) => Math.max(value, 0)),
      backward: (layer, input, output, slope) =>
        slope.map((value, unit) => (input[unit] > 0 ? value : 0)),
    },

    // The largest of every two by two; `size` is that of the input, of so many channels.
    pool: {
      forward: ({ channels, size }, input) => {
        const half = size / 2, output = new Float64Array(channels * half * half);
        for (let place = 0; place < output.length; place++) output[place] = input[largest(input, place, size)];
        return output;
      },
      backward: ({ size }, input, output, slope) => {
        const before = new Float64Array(input.length);
        for (let place = 0; place < slope.length; place++) {
          if (slope[place] !== 0) before[largest(input, place, size)] += slope[place];
        }
        return before;
      },
    },

    // A convolution of 5 x 5, whose zero padding keeps the size.
    convolution: {
      forward: ({ weight, bias, inputs, outputs, size }, input) => {
        const wide = size + 2 * BORDER, padded = pad(input, inputs, size);
        const output = new Float64Array(outputs * size * size);
        for (let out = 0; out < outputs; out++) {
          const target = output.subarray(out * size * size, (out + 1) * size * size).fill(bias[out]);
          // One row of the kernel at a time: a processor waits most for its memory.
          for (let line = 0; line < inputs * KERNEL; line++) {
            const tap = (out * inputs * KERNEL + line) * KERNEL;
            const [a, b, c, d, e] = weight.subarray(tap, tap + KERNEL);
            const corner = (Math.floor(line / KERNEL) * wide + (line % KERNEL)) * wide;
            for (let y = 0; y < size; y++) {
              for (let x = 0, to = y * size, from = corner + y * wide; x < size; x++, to++, from++) {
                target[to] += a * padded[from] + b * padded[from + 1] + c * padded[from + 2]
                  + d * padded[from + 3] + e * padded[from + 4];
              }
            }
          }
        }
        return output;
      },
      // After pooling and rectifiers most slopes are zero: only the others are spread out.
      backward: ({ weight, inputs, size }, input, output, slope) => {
        const wide = size + 2 * BORDER, padded = new Float64Array(inputs * wide * wide);
        for (let place = 0; place < slope.length; place++) {
          const value = slope[place];
          if (value === 0) continue;
          const [channel, y, x] = split(place, size);
          let tap = channel * inputs * KERNEL * KERNEL;
          for (let line = 0; line < inputs * KERNEL; line++) {
            const row = (Math.floor(line / KERNEL) * wide + y + (line % KERNEL)) * wide + x;
            for (let k = 0; k < KERNEL; k++, tap++) padded[row + k] += value * weight[tap];
          }
        }
        return unpad(padded, inputs, size);
      },
    },
  };

  // The inner product of a row of weights and an input, in four sums that need not wait for each other.
  const product = (weight, start, input) => {
    let a = 0, b = 0, c = 0, d = 0, place = 0;
    for (; place + 3 < input.length; place += 4) {
      const from = start + place;
      a += weight[from] * input[place];
      b += weight[from + 1] * input[place + 1];
      c += weight[from + 2] * input[place + 2];
      d += weight[from + 3] * input[place + 3];
    }
    for (; place < input.length; place++) a += weight[start + place] * input[place];
    return a + b + (c + d);
  };

  // The channel, row and column of a place among channels of size x size.
  const split = (place, size) =>
    [Math.floor(place / (size * size)), Math.floor(place / size) % size, place % size];

  // Where in its input the largest of the four values is that a place of the pooled output stands for.
  const largest = (input, place, size) => {
    const [channel, y, x] = split(place, size / 2), corner = (channel * size + 2 * y) * size + 2 * x;
    let best = corner;
    for (const other of [corner + 1, corner + size, corner + size + 1]) {
      if (input[other] > input[best]) best = other;
    }
    return best;
  };

  // Where a row of a channel begins once there is a border around each channel.
  const begin = (row, size) => {
    const wide = size + 2 * BORDER;
    return (Math.floor(row / size) * wide + (row % size) + BORDER) * wide + BORDER;
  };

  // Channels of size x size, with a border of zeros around each.
  const pad = (input, channels, size) => {
    const padded = new Float64Array(channels * (size + 2 * BORDER) ** 2);
    for (let row = 0; row < channels * size; row++) {
      padded.set(input.subarray(row * size, (row + 1) * size), begin(row, size));
    }
    return padded;
  };

  // The channels without their borders.
  const unpad = (padded, channels, size) => {
    const output = new Float64Array(channels * size * size);
    for (let row = 0; row < channels * size; row++) {
      const start = begin(row, size);
      output.set(padded.subarray(start, start + size), row * size);
    }
    return output;
  };

  // A network as its script holds it, made ready to be run.
  const read = ({ layers, margin }) => ({
    margin,
    layers: layers.map((layer) =>
      layer.weight ? { ...layer, weight: weights(layer), bias: decode(layer.bias, Float32Array) } : layer),
  });

  // What every layer is fed, and last the logits.
  const trace = (network, pixels) => {
    const values = [Float64Array.from(pixels)];
    for (const layer of network.layers) values.push(KINDS[layer.kind].forward(layer, values.at(-1)));
    return values;
  };

  const logits = (network, pixels) => trace(network, pixels).at(-1);

  // The gradient, with respect to the pixels, of the sum of the logits times `weight`.
  const pullBack = (network, values, weight) =>
    network.layers.reduceRight((slope, layer, place) =>
      KINDS[layer.kind].backward(layer, values[place], values[place + 1], slope), Float64Array.from(weight));

  // The logits at an image, and the gradient of each.
  const linearise = (network, pixels) => {
    const values = trace(network, pixels), last = values.at(-1);
    const one = (chosen) => last.map((_, k) => (k === chosen ? 1 : 0));
    return { logits: last, gradients: Array.from(last, (_, k) => pullBack(network, values, one(k))) };
  };

  return { read, trace, logits, pullBack, linearise };
};
