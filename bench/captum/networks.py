"""The networks that both sides explain: trained on what scikit-learn brings along, or with seeded random weights."""

import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions and a shortcut; every ReLU is a module of its own, as Captum's DeepLIFT needs it."""

    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Identity() if stride == 1 and into == out else nn.Sequential(
            nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        self.relu2 = nn.ReLU()

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(y + self.shortcut(x))


class ResNet(nn.Module):
    """arXiv 1512.03385, section 4.2: 3 x 32 x 32 pictures, 6 n + 2 layers."""

    def __init__(self, n=3):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        widths = ([(16, 16, 1)] * n + [(16, 32, 2)] + [(32, 32, 1)] * (n - 1) + [(32, 64, 2)]
                  + [(64, 64, 1)] * (n - 1))
        self.blocks = nn.Sequential(*(Block(*w) for w in widths))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        y = self.blocks(self.relu(self.bn(self.stem(x))))
        return self.head(y.mean((2, 3)))


class Cnn(nn.Module):
    """The usual small one: 1 x 28 x 28 pictures."""

    def __init__(self):
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(1, 16, 3, 1, 1), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(16, 32, 3, 1, 1), nn.ReLU()
        self.pool1, self.pool2 = nn.MaxPool2d(2), nn.MaxPool2d(2)
        self.fc1, self.relu3 = nn.Linear(32 * 49, 128), nn.ReLU()
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        y = self.pool2(self.relu2(self.conv2(self.pool1(self.relu1(self.conv1(x))))))
        return self.fc2(self.relu3(self.fc1(y.flatten(1))))


class Mlp(nn.Module):
    """784 inputs, three hidden layers of 512."""

    def __init__(self):
        super().__init__()
        self.fc1, self.relu1 = nn.Linear(784, 512), nn.ReLU()
        self.fc2, self.relu2 = nn.Linear(512, 512), nn.ReLU()
        self.fc3, self.relu3 = nn.Linear(512, 512), nn.ReLU()
        self.fc4 = nn.Linear(512, 10)

    def forward(self, x):
        y = self.relu2(self.fc2(self.relu1(self.fc1(x.flatten(1)))))
        return self.fc4(self.relu3(self.fc3(y)))


class Bottleneck(nn.Module):
    def __init__(self, into, width, stride):
        super().__init__()
        out = 4 * width
        self.conv1, self.bn1, self.relu1 = nn.Conv2d(into, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3, self.bn3, self.relu3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()
        self.shortcut = nn.Identity() if stride == 1 and into == out else nn.Sequential(
            nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x))))))
        return self.relu3(self.bn3(self.conv3(y)) + self.shortcut(x))


class ResNet50(nn.Module):
    """arXiv 1512.03385, 3 x 224 x 224; the last normalization of each block starts small, as training leaves it."""

    def __init__(self):
        super().__init__()
        self.stem, self.bn, self.relu = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        self.pool = nn.MaxPool2d(3, 2, 1)
        blocks, into = [], 64
        for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for i in range(count):
                blocks.append(Bottleneck(into, width, stride if i == 0 else 1))
                into = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(2048, 1000)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.bias, std=0.1)
        for block in self.blocks:
            nn.init.constant_(block.bn3.weight, 0.3)

    def forward(self, x):
        y = self.blocks(self.pool(self.relu(self.bn(self.stem(x)))))
        return self.head(y.mean((2, 3)))


class EncoderLayer(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.up, self.gelu, self.down = nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size)

    def forward(self, x):
        n, length, size = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) / (size // self.heads) ** 0.5, -1)
        x = self.norm1(x + self.out((weights @ v).transpose(1, 2).reshape(n, length, size)))
        return self.norm2(x + self.down(self.gelu(self.up(x))))


class Encoder(nn.Module):
    """BERT-style (arXiv 1810.04805), on 128 token embeddings of 256: Captum cannot interpolate ids."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(EncoderLayer(256, 4) for _ in range(4)))
        self.head = nn.Linear(256, 2)

    def forward(self, x):
        return self.head(self.layers(x)[:, 0])


def digits(size, channels):
    """scikit-learn's 8 x 8 digits (1,797 of them), enlarged; in colour with a coloured, noisy background."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
    x = nn.functional.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
    if channels == 3:
        generator = torch.Generator().manual_seed(1)
        back = torch.rand((len(x), 3, 1, 1), generator=generator) * 0.6
        ink = torch.rand((len(x), 3, 1, 1), generator=generator) * 0.4 + 0.6
        x = back + (ink - back) * x + 0.05 * torch.randn((len(x), 3, size, size), generator=generator)
    return x, torch.tensor(data.target)


def train(net, x, y, epochs):
    """Adam on the first 1,500; returns the share of the rest that is right."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    steps = epochs * 15
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    net.train()
    for _ in range(epochs):
        for part in torch.randperm(1500).split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        return (net(x[1500:]).argmax(1) == y[1500:]).float().mean().item()


def make(name, folder):
    """The network in evaluation mode and examples it was not trained on."""
    torch.manual_seed(0)
    kinds = {"resnet20": (ResNet, 32, 3, 12), "cnn": (Cnn, 28, 1, 8), "mlp": (Mlp, 28, 1, 8)}
    if name in kinds:
        kind, size, channels, epochs = kinds[name]
        net, path = kind(), folder / f"{name}.pt"
        x, y = digits(size, channels)
        if path.exists():
            net.load_state_dict(torch.load(path))
        else:
            print(f"{name}: trained, {train(net, x, y, epochs):.1%} of the unseen digits right", flush=True)
            torch.save(net.state_dict(), path)
        return net.eval(), x[1500:]
    if name == "resnet50":
        return ResNet50().eval(), torch.randn(4, 3, 224, 224)
    if name == "encoder":
        return Encoder().eval(), torch.randn(4, 128, 256)
    raise ValueError(f"no network {name}")


def residual(depth, size, folder):
    """A network of ResNet-20's kind: as trained where the depth is 20, else with random weights; `size` pixels."""
    net, _ = make("resnet20", folder)
    if depth != 20:
        torch.manual_seed(0)
        net = ResNet((depth - 2) // 6).eval()
    return net, digits(size, 3)[0][1500:]
