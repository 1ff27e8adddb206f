"""Transformers of images and sound: ViT, Swin, CLIP, Whisper, Conformer."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .record import Model

W, H, D = 32, 4, 8


class TimmBlock(nn.Module):
    """timm's: one projection, permuted and unbound; a learned scale of each branch."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(W, eps=1e-6), nn.LayerNorm(W, eps=1e-6)
        self.qkv, self.proj = nn.Linear(W, 3 * W), nn.Linear(W, W)
        self.fc1, self.fc2 = nn.Linear(W, 2 * W), nn.Linear(2 * W, W)
        self.gamma1, self.gamma2 = nn.Parameter(torch.ones(W)), nn.Parameter(torch.ones(W))
        self.scale = D**-0.5

    def attend(self, x):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, H, c // H).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        p = ((q @ k.transpose(-2, -1)) * self.scale).softmax(dim=-1)
        return self.proj((p @ v).transpose(1, 2).reshape(b, n, c))

    def forward(self, x):
        x = x + self.gamma1 * self.attend(self.norm1(x))
        return x + self.gamma2 * self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, mean=False):
        super().__init__()
        self.mean = mean
        self.patch = nn.Conv2d(3, W, 4, 4)
        self.cls, self.places = nn.Parameter(torch.zeros(1, 1, W)), nn.Parameter(torch.zeros(1, 17, W))
        self.blocks = nn.Sequential(TimmBlock(), TimmBlock())
        self.norm, self.head = nn.LayerNorm(W, eps=1e-6), nn.Linear(W, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls.expand(x.shape[0], -1, -1), x), dim=1) + self.places
        x = self.norm(self.blocks(x))
        x = x[:, 1:].mean(1) if self.mean else x[:, 0]
        top = torch.topk(self.head(x).softmax(-1), 3)
        return top.values, top.indices


def vit(mean, opset, dims=True):
    def make():
        axes = {n: {0: "batch"} for n in ("image", "prob", "class")} if dims else {}
        return Model(ViT(mean), {"image": torch.randn(2, 3, 16, 16)}, ["prob", "class"], axes, opset=opset)
    return make


class WindowAttention(nn.Module):
    """Swin's: a table of relative biases, a mask by window after a shift, in five dimensions."""

    def __init__(self, size):
        super().__init__()
        self.qkv, self.proj = nn.Linear(W, 3 * W), nn.Linear(W, W)
        self.table = nn.Parameter(torch.zeros((2 * size - 1) ** 2, H))
        y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        at = torch.stack([y.flatten(), x.flatten()])
        rel = (at[:, :, None] - at[:, None, :]).permute(1, 2, 0) + size - 1
        self.register_buffer("index", rel[..., 0] * (2 * size - 1) + rel[..., 1])
        self.n = size * size

    def forward(self, x, mask):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, H, c // H).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        s = (q * D**-0.5) @ k.transpose(-2, -1)
        bias = self.table[self.index.view(-1)].view(self.n, self.n, -1).permute(2, 0, 1).contiguous()
        s = s + bias.unsqueeze(0)
        if mask is not None:
            w = mask.shape[0]
            s = (s.view(b // w, w, H, n, n) + mask.unsqueeze(1).unsqueeze(0)).view(-1, H, n, n)
        return self.proj((s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c))


class CosineAttention(nn.Module):
    """Swin v2's: cosines with a learned scale for each head, biases computed from places, and a mask that is added twice."""

    def __init__(self, size):
        super().__init__()
        self.q, self.k, self.v, self.proj = nn.Linear(W, W), nn.Linear(W, W, bias=False), nn.Linear(W, W), nn.Linear(W, W)
        self.scale = nn.Parameter(torch.log(10 * torch.rand(H, 1, 1) + 1))
        self.places = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, H, bias=False))
        at = torch.arange(1 - size, size, dtype=torch.float32)
        self.register_buffer("table", torch.stack(torch.meshgrid(at, at, indexing="ij"), -1) / size)
        self.register_buffer("index", WindowAttention(size).index)
        self.n = size * size

    def forward(self, x, mask):
        b, n, c = x.shape
        q, k, v = (f(x).view(b, n, H, c // H).permute(0, 2, 1, 3) for f in (self.q, self.k, self.v))
        s = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        s = s * torch.clamp(self.scale, max=math.log(100)).exp()
        bias = self.places(self.table).view(-1, H)[self.index.view(-1)].view(self.n, self.n, -1).permute(2, 0, 1).contiguous()
        s = s + (16 * torch.sigmoid(bias)).unsqueeze(0)
        if mask is not None:
            w = mask.shape[0]
            s = s.view(b // w, w, H, n, n) + mask.unsqueeze(1).unsqueeze(0)
            s = (s + mask.unsqueeze(1).unsqueeze(0)).view(-1, H, n, n)
        return self.proj((s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c))


def partition(x, s):
    b, h, w, c = x.shape
    return x.view(b, h // s, s, w // s, s, c).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, s * s, c)


def joined(x, s, h, w):
    b = int(x.shape[0] / (h * w / s / s))
    return x.view(b, h // s, w // s, s, s, -1).permute(0, 1, 3, 2, 4, 5).contiguous().view(b, h, w, -1)


class SwinBlock(nn.Module):
    def __init__(self, shift, size=4, side=8, attention=WindowAttention):
        super().__init__()
        self.norm1, self.norm2, self.attend = nn.LayerNorm(W), nn.LayerNorm(W), attention(size)
        self.ff = nn.Sequential(nn.Linear(W, 48), nn.GELU(), nn.Linear(48, W))
        self.shift, self.size, self.side = shift, size, side
        mask = None
        if shift:
            image, count = torch.zeros(1, side, side, 1), 0
            for h in (slice(0, -size), slice(-size, -shift), slice(-shift, None)):
                for w in (slice(0, -size), slice(-size, -shift), slice(-shift, None)):
                    image[:, h, w, :] = count
                    count += 1
            windows = partition(image, size).squeeze(-1)
            mask = windows.unsqueeze(1) - windows.unsqueeze(2)
            mask = mask.masked_fill(mask != 0, -100.0).masked_fill(mask == 0, 0.0)
        self.register_buffer("mask", mask)

    def forward(self, x):
        b, n, c = x.shape
        y = self.norm1(x).view(b, self.side, self.side, c)
        if self.shift:
            y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
        y = joined(self.attend(partition(y, self.size), self.mask), self.size, self.side, self.side)
        if self.shift:
            y = torch.roll(y, (self.shift, self.shift), (1, 2))
        x = x + y.view(b, n, c)
        return x + self.ff(self.norm2(x))


class Swin(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.patch, self.norm = nn.Conv2d(3, W, 2, 2), nn.LayerNorm(W)
        self.blocks = nn.Sequential(SwinBlock(0, attention=attention), SwinBlock(2, attention=attention))
        self.merge, self.merge_norm = nn.Linear(4 * W, 2 * W, bias=False), nn.LayerNorm(4 * W)
        self.head = nn.Linear(2 * W, 5)

    def forward(self, x):
        x = self.blocks(self.norm(self.patch(x).flatten(2).transpose(1, 2)))
        b, n, c = x.shape
        x = x.view(b, 8, 8, c)
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1).view(b, -1, 4 * c)
        x = self.merge(self.merge_norm(x))
        return self.head(F.adaptive_avg_pool1d(x.transpose(1, 2), 1).flatten(1))


def swin(attention):
    return lambda: Model(Swin(attention), {"image": torch.randn(2, 3, 16, 16)}, ["logits"], {n: {0: "batch"} for n in ("image", "logits")})


class Pixels(nn.Module):
    """Attention between the pixels of an image, channels first, as in the autoencoder of latent diffusion."""

    def __init__(self):
        super().__init__()
        self.norm = nn.GroupNorm(8, W, eps=1e-6)
        self.q, self.k, self.v, self.proj = (nn.Conv2d(W, W, 1) for _ in range(4))

    def forward(self, x):
        b, c, h, w = x.shape
        y = self.norm(x)
        q = self.q(y).reshape(b, c, h * w).permute(0, 2, 1)
        k, v = self.k(y).reshape(b, c, h * w), self.v(y).reshape(b, c, h * w)
        p = torch.softmax(torch.bmm(q, k) * W**-0.5, dim=2)
        return x + self.proj(torch.bmm(v, p.permute(0, 2, 1)).reshape(b, c, h, w))


def pixels():
    return Model(Pixels(), {"x": torch.randn(2, W, 5, 6)}, ["y"], {n: {0: "batch", 2: "height", 3: "width"} for n in ("x", "y")})


class Clip(nn.Module):
    """Text beside images: the token with the largest number is the last, cosine similarities scaled, quick GELU."""

    def __init__(self):
        super().__init__()
        self.patch, self.image = nn.Conv2d(3, W, 8, 8, bias=False), nn.Linear(W, 24, bias=False)
        self.tokens, self.text = nn.Embedding(53, W), nn.Linear(W, 24, bias=False)
        self.blocks = nn.ModuleList([TimmBlock(), TimmBlock()])
        self.up, self.down = nn.Linear(W, W), nn.Linear(W, W)
        self.logit_scale = nn.Parameter(torch.ones([]))

    def forward(self, image, ids):
        x = self.blocks[0](self.patch(image).flatten(2).transpose(1, 2)).mean(1)
        y = self.tokens(ids)
        up = self.up(y)
        y = self.blocks[1](y + self.down(up * torch.sigmoid(1.702 * up)))
        y = y[torch.arange(y.shape[0]), ids.argmax(dim=-1)]
        x, y = self.image(x), self.text(y)
        x, y = x / x.norm(dim=-1, keepdim=True), F.normalize(y, dim=-1)
        return self.logit_scale.exp() * y @ x.t()


def clip():
    axes = {"image": {0: "images"}, "ids": {0: "texts", 1: "seq"}, "logits": {0: "texts", 1: "images"}}
    return Model(Clip(), {"image": torch.randn(3, 3, 16, 16), "ids": torch.randint(52, (2, 6))}, ["logits"], axes)


class Whisper(nn.Module):
    """Two convolutions over time with GELU, positions cut from a table, keys without bias."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(20, W, 3, padding=1), nn.Conv1d(W, W, 3, stride=2, padding=1)
        self.register_buffer("places", torch.randn(30, W) * 0.3)
        self.q, self.k, self.v, self.o = nn.Linear(W, W), nn.Linear(W, W, bias=False), nn.Linear(W, W), nn.Linear(W, W)
        self.norms = nn.ModuleList([nn.LayerNorm(W) for _ in range(3)])
        self.ff = nn.Sequential(nn.Linear(W, 48), nn.GELU(), nn.Linear(48, W))

    def forward(self, x):
        x = F.gelu(self.conv2(F.gelu(self.conv1(x)))).permute(0, 2, 1)
        x = x + self.places[:x.size(1)]
        h = self.norms[0](x)
        b, n, _ = x.shape
        scale = D**-0.25
        q = self.q(h).view(b, n, H, -1).permute(0, 2, 1, 3) * scale
        k = self.k(h).view(b, n, H, -1).permute(0, 2, 3, 1) * scale
        v = self.v(h).view(b, n, H, -1).permute(0, 2, 1, 3)
        p = F.softmax((q @ k).float(), dim=-1).to(q.dtype)
        x = x + self.o((p @ v).permute(0, 2, 1, 3).flatten(start_dim=2))
        return self.norms[2](x + self.ff(self.norms[1](x)))


def whisper():
    axes = {"mel": {0: "batch", 2: "frames"}, "hidden": {0: "batch"}}
    return Model(Whisper(), {"mel": torch.randn(2, 20, 14)}, ["hidden"], axes)


class Conformer(nn.Module):
    """Half-step feed-forwards, relative positions by the shifted product, a depthwise convolution with GLU and BatchNorm."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(W) for _ in range(5)])
        self.ffs = nn.ModuleList([nn.Sequential(nn.Linear(W, 48), nn.SiLU(), nn.Linear(48, W)) for _ in range(2)])
        self.q, self.k, self.v, self.pos, self.o = (nn.Linear(W, W) for _ in range(5))
        self.u, self.w = nn.Parameter(torch.zeros(H, D)), nn.Parameter(torch.zeros(H, D))
        self.point1, self.point2 = nn.Conv1d(W, 2 * W, 1), nn.Conv1d(W, W, 1)
        self.depth, self.batch = nn.Conv1d(W, W, 5, padding=2, groups=W), nn.BatchNorm1d(W)
        self.batch.running_mean.normal_(), self.batch.running_var.uniform_(0.5, 2)
        self.register_buffer("table", torch.randn(63, W))

    def attend(self, x):
        b, n, _ = x.shape
        q = self.q(x).view(b, n, H, D)
        k, v = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.k, self.v))
        p = self.pos(self.table[32 - n:31 + n]).view(1, -1, H, D).transpose(1, 2)
        ac = torch.matmul((q + self.u).transpose(1, 2), k.transpose(-2, -1))
        bd = torch.matmul((q + self.w).transpose(1, 2), p.transpose(-2, -1))
        bd = F.pad(bd, (1, 0)).view(b, H, -1, n)[:, :, 1:].view(b, H, n, 2 * n - 1)[:, :, :, :n]
        y = torch.softmax((ac + bd) / math.sqrt(D), dim=-1) @ v
        return self.o(y.transpose(1, 2).contiguous().view(b, -1, W))

    def forward(self, x):
        x = x + 0.5 * self.ffs[0](self.norms[0](x))
        x = x + self.attend(self.norms[1](x))
        h = F.glu(self.point1(self.norms[2](x).transpose(1, 2)), dim=1)
        h = F.silu(self.batch(self.depth(h)))
        x = x + self.point2(h).transpose(1, 2)
        return self.norms[4](x + 0.5 * self.ffs[1](self.norms[3](x)))


def conformer():
    return Model(Conformer(), {"x": torch.randn(2, 9, W)}, ["y"], {n: {0: "batch", 1: "frames"} for n in ("x", "y")})


MODELS = {
    "vit": vit(False, 16),
    "vit-mean-opset11": vit(True, 11),
    "vit-fixed": vit(False, 17, dims=False),
    "swin": swin(WindowAttention),
    "swin-cosine": swin(CosineAttention),
    "pixels": pixels,
    "clip": clip,
    "whisper": whisper,
    "conformer": conformer,
}
